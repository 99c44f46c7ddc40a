/// A time of the calendar, in UTC.
struct UTCDate: Hashable {
    var year: Int
    var month: Int
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int
    var microsecond: Int

    /// From microseconds since 1970.
    init(microseconds: Int64) {
        func split(_ number: Int, _ size: Int) -> (Int, Int) {
            let rest = ((number % size) + size) % size
            return ((number - rest) / size, rest)
        }
        let (seconds, microsecond) = split(Int(microseconds), 1_000_000)
        let (days, secondOfDay) = split(seconds, 86_400)
        self.microsecond = microsecond
        (hour, minute, second) = (secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60)
        // Years that begin in March, in eras of 400 (H. Hinnant, "chrono-compatible low-level date algorithms").
        let (era, dayOfEra) = split(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    static let months = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ]
}
