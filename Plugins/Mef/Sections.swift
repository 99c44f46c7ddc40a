import Glibc

/// A filter of second order: `y = b0 x + b1 x' + b2 x'' - a1 y' - a2 y''`.
struct Section: Sendable, Hashable {
    var b0 = 1.0
    var b1 = 0.0
    var b2 = 0.0
    var a1 = 0.0
    var a2 = 0.0

    /// What it does to a constant.
    var gain: Double { (b0 + b1 + b2) / (1 + a1 + a2) }

    /// Its memory after it has seen `value` for ever.
    func rest(at value: Double) -> (Double, Double) {
        let out = gain * value
        let second = b2 * value - a2 * out
        return (b1 * value - a1 * out + second, second)
    }
}

// What EEG software calls by these names, as SciPy designs it.
extension [Section] {
    /// A Butterworth band-pass of an order at each edge: `butter(order, [low, high], 'bandpass')`.
    static func bandpass(order: Int, low: Double, high: Double, rate: Double) -> [Section] {
        let (lower, upper) = (warped(low, rate), warped(high, rate))
        let (width, centre) = (upper - lower, (upper * lower).squareRoot())
        var sections: [Section] = []
        for number in 0..<(order + 1) / 2 {
            // A pole of the low-pass with a cut-off of 1, which becomes two of the band-pass; so does its mirror image.
            let pole = Complex(angle: .pi * Double(2 * number + order + 1) / Double(2 * order))
            let isReal = order % 2 == 1 && number == order / 2
            let half = (isReal ? Complex(-1, 0) : pole) * Complex(width / 2, 0)
            let root = (half * half - Complex(centre * centre, 0)).squareRoot
            let (one, two) = (half + root, half - root)
            if isReal {
                sections.append(band(one, two, rate))
            } else {
                sections.append(band(one, one.conjugate, rate))
                sections.append(band(two, two.conjugate, rate))
            }
        }
        return sections.scaled(toOneAt: 2 * atan(centre / (2 * rate)))
    }

    /// A Butterworth low-pass of the second order: `butter(2, cutoff)`.
    static func lowpass(cutoff: Double, rate: Double) -> [Section] {
        let k = tan(.pi * cutoff / rate)
        let scale = 1 / (1 + 2.0.squareRoot() * k + k * k)
        let b = k * k * scale
        return [
            Section(
                b0: b,
                b1: 2 * b,
                b2: b,
                a1: 2 * (k * k - 1) * scale,
                a2: (1 - 2.0.squareRoot() * k + k * k) * scale
            )
        ]
    }

    /// Takes a frequency out: `iirnotch(frequency, quality)`.
    static func notch(frequency: Double, quality: Double, rate: Double) -> [Section] {
        let angle = 2 * .pi * frequency / rate
        let gain = 1 / (1 + tan(angle / quality / 2))
        let middle = -2 * gain * cos(angle)
        return [Section(b0: gain, b1: middle, b2: gain, a1: middle, a2: 2 * gain - 1)]
    }

    /// The analogue frequency whose image is the digital one.
    private static func warped(_ frequency: Double, _ rate: Double) -> Double {
        2 * rate * tan(.pi * frequency / rate)
    }

    /// Two poles of an analogue band-pass, and a zero at each end of the spectrum.
    private static func band(_ one: Complex, _ two: Complex, _ rate: Double) -> Section {
        let (p, q) = (bilinear(one, rate), bilinear(two, rate))
        return Section(b0: 1, b1: 0, b2: -1, a1: -(p + q).real, a2: (p * q).real)
    }

    private static func bilinear(_ pole: Complex, _ rate: Double) -> Complex {
        (Complex(2 * rate, 0) + pole) / (Complex(2 * rate, 0) - pole)
    }

    private func scaled(toOneAt angle: Double) -> [Section] {
        let z = Complex(angle: -angle)
        return map { section in
            let above = Complex(section.b0, 0) + Complex(section.b1, 0) * z + Complex(section.b2, 0) * z * z
            let below = Complex(1, 0) + Complex(section.a1, 0) * z + Complex(section.a2, 0) * z * z
            let gain = 1 / (above / below).magnitude
            return Section(
                b0: section.b0 * gain,
                b1: section.b1 * gain,
                b2: section.b2 * gain,
                a1: section.a1,
                a2: section.a2
            )
        }
    }
}

private struct Complex {
    var real: Double
    var imaginary: Double

    init(_ real: Double, _ imaginary: Double) {
        self.real = real
        self.imaginary = imaginary
    }

    init(angle: Double) { self.init(cos(angle), sin(angle)) }

    var conjugate: Complex { Complex(real, -imaginary) }
    var magnitude: Double { hypot(real, imaginary) }

    var squareRoot: Complex {
        let size = magnitude
        let (re, im) = (((size + real) / 2).squareRoot(), ((size - real) / 2).squareRoot())
        return Complex(re, imaginary < 0 ? -im : im)
    }

    static func + (a: Complex, b: Complex) -> Complex { Complex(a.real + b.real, a.imaginary + b.imaginary) }
    static func - (a: Complex, b: Complex) -> Complex { Complex(a.real - b.real, a.imaginary - b.imaginary) }

    static func * (a: Complex, b: Complex) -> Complex {
        Complex(a.real * b.real - a.imaginary * b.imaginary, a.real * b.imaginary + a.imaginary * b.real)
    }

    static func / (a: Complex, b: Complex) -> Complex {
        let size = b.real * b.real + b.imaginary * b.imaginary
        return Complex(
            (a.real * b.real + a.imaginary * b.imaginary) / size,
            (a.imaginary * b.real - a.real * b.imaginary) / size
        )
    }
}

/// Sections in a row, with the memory that they have of each row of a stream.
///
/// After a gap they begin at rest, as if the first value had been there for ever, so that a recording's offset does not
/// ring: `sosfilt(sos, x, zi=sosfilt_zi(sos) * x[0])`.
struct Cascade {
    private let sections: [Section]
    private var memory: [(Double, Double)]
    /// Rows that begin anew with their next value.
    private var isFresh: [Bool]
    private var continuity = Continuity()

    init(_ sections: [Section], rows: Int) {
        self.sections = sections
        memory = Array(repeating: (0, 0), count: sections.count * rows)
        isFresh = Array(repeating: true, count: rows)
    }

    /// To be called once a block, before its rows.
    mutating func begin(_ block: borrowing Samples) {
        if !continuity.goesOn(block) { for row in isFresh.indices { isFresh[row] = true } }
    }

    /// Filters the values of a row where they stand. NaN stays, and is a gap.
    mutating func filter(_ values: UnsafeMutableBufferPointer<Double>, row: Int) {
        var first = 0
        while first < values.count {
            guard !values[first].isNaN else {
                isFresh[row] = true
                first += 1
                continue
            }
            var end = first + 1
            while end < values.count, !values[end].isNaN { end += 1 }
            run(UnsafeMutableBufferPointer(rebasing: values[first..<end]), row)
            first = end
        }
    }

    /// Section by section over all values: each is a short loop whose memory is in registers.
    private mutating func run(_ values: UnsafeMutableBufferPointer<Double>, _ row: Int) {
        var level = values[0]
        for (number, section) in sections.enumerated() {
            let place = row * sections.count + number
            var (one, two) = isFresh[row] ? section.rest(at: level) : memory[place]
            level *= section.gain
            for index in values.indices {
                let value = values[index]
                let out = section.b0 * value + one
                one = section.b1 * value - section.a1 * out + two
                two = section.b2 * value - section.a2 * out
                values[index] = out
            }
            memory[place] = (one, two)
        }
        isFresh[row] = false
    }
}
