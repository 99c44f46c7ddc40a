import CIonFit

/// A frame in squares of two by two or four by four pixels, as a matched filter sees it: what is beyond the model by what it
/// weighs, and the peaks of the response to a template.
struct FinderGrid: ~Copyable {
    struct Peak {
        var column: Int32
        var row: Int32
        var height: Float
    }

    static let mostPeaks = 2048

    let columns: Int
    let rows: Int
    private let wide: Int
    private let difference: UnsafeMutablePointer<Float>
    private let weight: UnsafeMutablePointer<Float>
    private let crossed: UnsafeMutablePointer<Float>
    private let response: UnsafeMutablePointer<Float>
    private let information: UnsafeMutablePointer<Float>
    private let significance: UnsafeMutablePointer<Float>
    private let largest: UnsafeMutablePointer<Float>
    private let planes: UnsafeMutablePointer<Float>
    /// The peaks of the last response above the floor, from the highest on.
    private(set) var peaks: [Peak] = []
    /// Places in `peaks` of those that are chosen.
    private(set) var taken: [Int] = []
    private var sample: [Float] = []

    init(columns: Int, rows: Int) {
        (self.columns, self.rows) = (columns, rows)
        let margin = Template.reach
        wide = (columns + 15) / 16 * 16 + 2 * margin
        let plane = wide * (rows + 2 * margin) + 16
        planes = .allocate(capacity: 6 * plane)
        planes.initialize(repeating: 0, count: 6 * plane)
        let origin = planes + margin * wide + margin
        (difference, weight, crossed) = (origin, origin + plane, origin + 2 * plane)
        (response, information, significance) = (origin + 3 * plane, origin + 4 * plane, origin + 5 * plane)
        largest = .allocate(capacity: max(1, rows))
        peaks.reserveCapacity(Self.mostPeaks)
        taken.reserveCapacity(Self.mostPeaks)
    }

    deinit {
        planes.deallocate()
        largest.deallocate()
    }

    // MARK: - Filling

    /// Two by two pixels of the frame become a square.
    func fill(_ window: inout cpipe_ion_window) { cpipe_ion_pairs(&window, difference, weight, wide) }

    /// Two by two squares of `fine`, which has not been weighed yet, become one.
    func fill(_ fine: borrowing FinderGrid) {
        cpipe_ion_pairs_again(
            fine.difference,
            fine.weight,
            fine.wide,
            Int32(columns),
            Int32(rows),
            difference,
            weight,
            wide
        )
    }

    /// Differences become what they weigh, and variances weights.
    func weigh() {
        for row in 0..<rows { cpipe_ion_weigh(difference + row * wide, weight + row * wide, columns) }
    }

    // MARK: - Filtering

    /// The first half of a response, which templates of one width have in common.
    func filterAcross(_ template: Template) { filterRows(difference, crossed, template.across) }

    /// The rest of it. The noise is that of a square, which is about the same under the whole template.
    func filterAlong(_ template: Template) {
        filterColumns(crossed, response, template.along)
        let (columns, rows) = (Int32(columns), Int32(rows))
        cpipe_ion_significance(response, weight, template.square, significance, wide, columns, rows, largest)
    }

    /// A response with the noise of every square, as it has to be where ions are in the model.
    func filterExactly(_ template: Template) {
        filterRows(difference, crossed, template.across)
        filterColumns(crossed, response, template.along)
        filterRows(weight, crossed, template.acrossSquared)
        filterColumns(crossed, information, template.alongSquared)
        cpipe_ion_significance(response, information, 1, significance, wide, Int32(columns), Int32(rows), largest)
    }

    private func filterRows(_ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ taps: [Float]) {
        cpipe_ion_filter_rows(from, to, wide, Int32(columns), Int32(rows), taps, Int32(taps.count / 2))
    }

    private func filterColumns(_ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ taps: [Float]) {
        cpipe_ion_filter_columns(from, to, wide, Int32(columns), Int32(rows), taps, Int32(taps.count / 2))
    }

    // MARK: - Peaks

    /// Places higher than their eight neighbours; of those, from the highest on, the ones that are not explained by those
    /// before. Tells what all of them explain together: the sum of the squares.
    mutating func choose(_ template: Template, floor: Float, most: Int) -> Float {
        collect(floor)
        taken.removeAll(keepingCapacity: true)
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
        }
        return explained
    }

    private mutating func collect(_ floor: Float) {
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

    /// Where between the squares the top of a peak is, and the light that an ion there has.
    func place(of peak: Peak, _ template: Template, isExact: Bool) -> (column: Double, row: Double, light: Double) {
        let place = Int(peak.row) * wide + Int(peak.column)
        let known = max(isExact ? information[place] : weight[place] * template.square, 1e-20)
        let (column, row) = (Double(peak.column) + between(place, 1), Double(peak.row) + between(place, wide))
        return (column, row, Double(peak.height / known.squareRoot()))
    }

    /// The top of the parabola through a peak and its two neighbours.
    private func between(_ place: Int, _ step: Int) -> Double {
        let (before, top, after) = (significance[place - step], significance[place], significance[place + step])
        let bend = before - 2 * top + after
        return bend < 0 ? Double(min(0.5, max(-0.5, 0.5 * (before - after) / bend))) : 0
    }

    // MARK: - Noise

    /// The spread of the last response between the ions, from its lower half, which no ion raises: 1 when the noise of
    /// neighbours is independent and as strong as it weighs.
    mutating func spread(_ template: Template) -> Float {
        sample.removeAll(keepingCapacity: true)
        let step = max(1, columns * rows / 512) | 1
        for place in stride(from: 0, to: columns * rows, by: step) {
            sample.append(significance[place / columns * wide + place % columns])
        }
        // Places closer than a filter is wide tell the same.
        let area = Double.pi * template.sigma * (template.sigma + template.amplitude)
        let independent = min(Double(sample.count), Double(columns * rows) / area)
        guard independent >= 16 else { return 1 }
        sample.sort()
        let half = sample[sample.count / 2] - sample[sample.count * 16 / 100]
        // Three standard deviations of such an estimate: what chance makes of independent noise is left alone.
        let chance = 1 + 4.5 / independent.squareRoot()
        return half.isFinite && Double(half) > chance ? half : 1
    }
}
