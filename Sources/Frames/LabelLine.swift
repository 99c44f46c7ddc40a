/// A short line of a label: at most 24 letters in place, since a string for each number of each ion costs more than drawing it.
public struct LabelLine {
    public private(set) var letters = [24 of UInt8](repeating: 0)
    public private(set) var count = 0

    public init() {}

    public mutating func clear() { count = 0 }

    public mutating func add(_ letter: Unicode.Scalar) {
        guard count < 24 else { return }
        letters[count] = UInt8(truncatingIfNeeded: letter.value)
        count += 1
    }

    public mutating func add(_ number: Int) {
        if number < 0 { add("-") }
        var (rest, power) = (number.magnitude, 1 as UInt)
        while rest / power >= 10 { power *= 10 }
        while power > 0 {
            add(Unicode.Scalar(UInt8(ascii: "0") + UInt8(rest / power)))
            rest %= power
            power /= 10
        }
    }

    /// With one digit behind the point. What is drawn is finite and less than a million.
    public mutating func add(_ value: Double) {
        guard value.isFinite, abs(value) < 1e15 else { return }
        let tenths = Int((abs(value) * 10).rounded())
        if value < 0 && tenths > 0 { add("-") }
        add(tenths / 10)
        add(".")
        add(tenths % 10)
    }
}
