import CIonFit

/// Where ions may be: a matched filter over pairs of pixels, which lose nothing that an ion's width does not hide.
///
/// The response of a filter is the score test for one more ion of its shape: (light beyond the model) / its error. Peaks
/// are taken from the highest on, each less what the ones before explain.
struct Finder: ~Copyable {
    struct Candidate {
        var x: Double
        var y: Double
        var photons: Double
        var significance: Float
    }

    private struct Peak {
        var column: Int32
        var row: Int32
        var height: Float
    }

    /// Amplitudes of each width, which the ions of a frame share within some percent.
    static let bank: [Template] = [1.9, 2.7, 3.8].flatMap { sigma in
        [0, 4.5, 9].map { Template(sigma: sigma, amplitude: $0) }
    }

    private static let margin = Template.reach
    private static let mostPeaks = 2048

    private let columns: Int
    private let rows: Int
    private let wide: Int
    private let difference: UnsafeMutablePointer<Float>
    private let weight: UnsafeMutablePointer<Float>
    private let crossed: UnsafeMutablePointer<Float>
    private let response: UnsafeMutablePointer<Float>
    private let information: UnsafeMutablePointer<Float>
    private let significance: UnsafeMutablePointer<Float>
    private let largest: UnsafeMutablePointer<Float>
    private let planes: UnsafeMutablePointer<Float>
    private var peaks: [Peak] = []
    private var taken: [Int] = []
    private var best: [Candidate] = []
    private(set) var candidates: [Candidate] = []

    init(columns: Int, rows: Int) {
        self.columns = columns / 2
        self.rows = rows / 2
        wide = (self.columns + 15) / 16 * 16 + 2 * Self.margin
        let plane = wide * (self.rows + 2 * Self.margin) + 16
        planes = .allocate(capacity: 6 * plane)
        planes.initialize(repeating: 0, count: 6 * plane)
        let origin = planes + Self.margin * wide + Self.margin
        (difference, weight, crossed) = (origin, origin + plane, origin + 2 * plane)
        (response, information, significance) = (origin + 3 * plane, origin + 4 * plane, origin + 5 * plane)
        largest = .allocate(capacity: max(1, self.rows))
        peaks.reserveCapacity(Self.mostPeaks)
        taken.reserveCapacity(Self.mostPeaks)
        candidates.reserveCapacity(Self.mostPeaks)
        best.reserveCapacity(Self.mostPeaks)
    }

    deinit {
        planes.deallocate()
        largest.deallocate()
    }

    /// Looks for ions beyond the model with every template of the bank, and says which one explains most.
    mutating func search(_ window: inout cpipe_ion_window, floor: Float, most: Int) -> Int {
        weigh(&window)
        var (chosen, explained) = (0, Float(0))
        for index in Self.bank.indices {
            let template = Self.bank[index]
            if index == 0 || template.sigma != Self.bank[index - 1].sigma {
                filterRows(difference, crossed, template.across)
            }
            filterColumns(crossed, response, template.along)
            cpipe_ion_significance(
                response,
                weight,
                template.square,
                significance,
                wide,
                Int32(columns),
                Int32(rows),
                largest
            )
            collect(template, floor)
            let total = choose(template, floor, most, weight, template.square)
            if total > explained {
                (chosen, explained) = (index, total)
                swap(&best, &candidates)
            }
        }
        swap(&best, &candidates)
        if explained == 0 { candidates.removeAll(keepingCapacity: true) }
        best.removeAll(keepingCapacity: true)
        return chosen
    }

    /// Looks for what a model with ions in it leaves over. Here the noise is that of the ions too.
    mutating func search(_ window: inout cpipe_ion_window, _ template: Template, floor: Float, most: Int) {
        weigh(&window)
        filterRows(difference, crossed, template.across)
        filterColumns(crossed, response, template.along)
        filterRows(weight, crossed, template.acrossSquared)
        filterColumns(crossed, information, template.alongSquared)
        cpipe_ion_significance(response, information, 1, significance, wide, Int32(columns), Int32(rows), largest)
        collect(template, floor)
        _ = choose(template, floor, most, information, 1)
    }

    private func weigh(_ window: inout cpipe_ion_window) {
        cpipe_ion_pairs(&window, difference, weight, wide)
        for row in 0..<rows {
            cpipe_ion_weigh(difference + row * wide, weight + row * wide, columns)
        }
    }

    private func filterRows(_ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ taps: [Float]) {
        cpipe_ion_filter_rows(from, to, wide, Int32(columns), Int32(rows), taps, Int32(taps.count / 2))
    }

    private func filterColumns(_ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ taps: [Float]) {
        cpipe_ion_filter_columns(from, to, wide, Int32(columns), Int32(rows), taps, Int32(taps.count / 2))
    }

    /// Places higher than their eight neighbours.
    private mutating func collect(_ template: Template, _ floor: Float) {
        peaks.removeAll(keepingCapacity: true)
        for row in 0..<rows where largest[row] > floor {
            let line = significance + row * wide
            for column in 0..<columns where line[column] > floor && isPeak(line + column) {
                guard peaks.count < Self.mostPeaks else { break }
                peaks.append(Peak(column: Int32(column), row: Int32(row), height: line[column]))
            }
        }
        peaks.sort { $0.height > $1.height }
    }

    /// Beyond the frame there are zeros.
    private func isPeak(_ at: UnsafePointer<Float>) -> Bool {
        let height = at[0]
        return height > at[-1] && height >= at[1] && height > at[-wide] && height >= at[wide]
            && height > at[-wide - 1] && height > at[-wide + 1] && height >= at[wide - 1] && height >= at[wide + 1]
    }

    /// From the highest peak on: what the chosen ones do not explain is chosen too. The sum of squares is what all
    /// of them together explain.
    private mutating func choose(
        _ template: Template,
        _ floor: Float,
        _ most: Int,
        _ information: UnsafePointer<Float>,
        _ scale: Float
    ) -> Float {
        taken.removeAll(keepingCapacity: true)
        candidates.removeAll(keepingCapacity: true)
        var explained: Float = 0
        for index in peaks.indices {
            guard taken.count < most else { break }
            let peak = peaks[index]
            var rest = peak.height
            for other in taken {
                let known = peaks[other]
                rest -= known.height * template.overlap(Int(peak.column - known.column), Int(peak.row - known.row))
            }
            guard rest > floor, rest > 0.4 * peak.height else { continue }
            taken.append(index)
            explained += rest * rest
            let place = Int(peak.row) * wide + Int(peak.column)
            let known = max(information[place] * scale, 1e-20)
            candidates.append(
                Candidate(
                    x: 2 * (Double(peak.column) + between(place, 1)) + 0.5,
                    y: 2 * (Double(peak.row) + between(place, wide)) + 0.5,
                    photons: Double(peak.height / known.squareRoot()),
                    significance: peak.height
                )
            )
        }
        return explained
    }

    /// The top of the parabola through a peak and its two neighbours.
    private func between(_ place: Int, _ step: Int) -> Double {
        let (before, top, after) = (significance[place - step], significance[place], significance[place + step])
        let bend = before - 2 * top + after
        return bend < 0 ? Double(min(0.5, max(-0.5, 0.5 * (before - after) / bend))) : 0
    }
}
