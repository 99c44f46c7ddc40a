import Glibc

/// The names of pictures in an archive: made from the time of a picture, and read again from a name.
struct ArchiveNames: Sendable {
    enum Style: Sendable {
        /// `260131/09-05-07_123.jpg`
        case time
        /// `frame12_2026-01-31_09-05-07_123456_EXP7.jpg`
        case recorder
    }

    let style: Style
    let suffix: String
    let isUTC: Bool

    private struct Clock {
        var (year, month, day, hour, minute, second, microsecond) = (0, 0, 0, 0, 0, 0, 0)
    }

    /// Of a picture of a time, in seconds since 1970: the folder within the archive, and the name up to a number that tells
    /// two of one time apart.
    func place(of date: Double, number: Int, experiment: String) -> (folder: String, stem: String) {
        let clock = clock(date)
        let time = [clock.hour, clock.minute, clock.second].map { Self.digits($0, 2) }.joined(separator: "-")
        switch style {
        case .time:
            let folder = [clock.year % 100, clock.month, clock.day].map { Self.digits($0, 2) }.joined()
            return (folder, "\(time)_\(Self.digits(clock.microsecond / 1000, 3))")
        case .recorder:
            let day = "\(Self.digits(clock.year, 4))-\(Self.digits(clock.month, 2))-\(Self.digits(clock.day, 2))"
            let tail = experiment.isEmpty ? "" : "_\(experiment)"
            return ("", "frame\(number)_\(day)_\(time)_\(Self.digits(clock.microsecond, 6))\(tail)")
        }
    }

    /// The whole name: the number stands before the suffix, so that a picture and its labelled one are named alike.
    func name(_ stem: String, copy: Int, fileExtension: String) -> String {
        "\(stem)\(copy == 0 ? "" : "_\(copy)")\(suffix).\(fileExtension)"
    }

    /// The time that a name of this style tells; nil for all that is not named so, which is nobody's to remove.
    func date(folder: String, name: String) -> Double? {
        guard let dot = name.lastIndex(of: "."), ["jpg", "png", "tif", "bin"].contains(name[dot...].dropFirst()),
            name[..<dot].hasSuffix(suffix)
        else { return nil }
        let stem = name[..<dot].dropLast(suffix.count)
        var clock = Clock()
        switch style {
        case .time:
            let parts = stem.split(separator: "_", omittingEmptySubsequences: false)
            guard parts.count == 2 || (parts.count == 3 && Int(parts[2]) != nil), folder.utf8.count == 6,
                let day = Self.number(folder), let milliseconds = Self.number(parts[1]), parts[1].count == 3
            else { return nil }
            (clock.year, clock.month, clock.day) = (2000 + day / 10_000, day / 100 % 100, day % 100)
            clock.microsecond = milliseconds * 1000
            guard Self.read(parts[0], into: &clock) else { return nil }
        case .recorder:
            let parts = stem.split(separator: "_", maxSplits: 4, omittingEmptySubsequences: false)
            guard folder.isEmpty, parts.count >= 4, parts[0].hasPrefix("frame"),
                Self.number(parts[0].dropFirst("frame".count)) != nil, parts[3].count == 6,
                let microseconds = Self.number(parts[3])
            else { return nil }
            let day = parts[1].split(separator: "-", omittingEmptySubsequences: false).map(Self.number)
            guard day.count == 3, let year = day[0], let month = day[1], let dayOfMonth = day[2] else { return nil }
            (clock.year, clock.month, clock.day, clock.microsecond) = (year, month, dayOfMonth, microseconds)
            guard Self.read(parts[2], into: &clock) else { return nil }
        }
        return date(clock)
    }

    private static func read(_ time: Substring, into clock: inout Clock) -> Bool {
        let parts = time.split(separator: "-", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { $0.count == 2 ? number($0) : nil }
        guard parts.count == 3, numbers.count == 3 else { return false }
        (clock.hour, clock.minute, clock.second) = (numbers[0], numbers[1], numbers[2])
        return true
    }

    private static func number(_ text: some StringProtocol) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
    }

    private static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }

    // MARK: The calendar

    private func clock(_ date: Double) -> Clock {
        // Beyond the years that a calendar knows there is no name to be made.
        let microseconds = Int((min(2.5e11, max(0, date)) * 1e6).rounded())
        var seconds = time_t(microseconds / 1_000_000)
        var parts = tm()
        if isUTC { gmtime_r(&seconds, &parts) } else { localtime_r(&seconds, &parts) }
        return Clock(
            year: Int(parts.tm_year) + 1900,
            month: Int(parts.tm_mon) + 1,
            day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour),
            minute: Int(parts.tm_min),
            second: Int(parts.tm_sec),
            microsecond: microseconds % 1_000_000
        )
    }

    private func date(_ clock: Clock) -> Double {
        var parts = tm()
        parts.tm_year = Int32(clamping: clock.year - 1900)
        parts.tm_mon = Int32(clamping: clock.month - 1)
        (parts.tm_mday, parts.tm_hour) = (Int32(clamping: clock.day), Int32(clamping: clock.hour))
        (parts.tm_min, parts.tm_sec) = (Int32(clamping: clock.minute), Int32(clamping: clock.second))
        parts.tm_isdst = -1
        return Double(isUTC ? timegm(&parts) : mktime(&parts)) + Double(clock.microsecond) * 1e-6
    }
}
