import CIonFit

/// Where ions may be: a matched filter over pairs of pixels, which lose nothing that an ion's width does not hide.
///
/// The response of a filter is the score test for one more ion of its shape: (light beyond the model) / its error. Which of
/// nine shapes the ions of a frame have is found on squares of four by four pixels, at an eighth of the cost.
struct Finder: ~Copyable {
    struct Candidate {
        var x: Double
        var y: Double
        var photons: Double
    }

    /// Amplitudes of each width, which the ions of a frame share within some percent.
    static let bank = templates(pixels: 2)
    private static let coarseBank = templates(pixels: 4)
    private static let typical = bank[3]

    private static func templates(pixels: Double) -> [Template] {
        [1.9, 2.7, 3.8].flatMap { sigma in
            [0, 4.5, 9].map { Template(sigma: sigma, amplitude: $0, pixels: pixels) }
        }
    }

    private var grid: FinderGrid
    private var coarse: FinderGrid
    private(set) var candidates: [Candidate] = []
    /// The spread of the responses between the ions, where it is asked for: 1 when the noise of neighbours is independent, and
    /// more where it is not, as in JPEG. Both the floor and the errors of a fit grow with it.
    private(set) var spread: Float = 1
    private let measuresSpread: Bool

    init(columns: Int, rows: Int, measuresSpread: Bool = false) {
        grid = FinderGrid(columns: columns / 2, rows: rows / 2)
        coarse = FinderGrid(columns: columns / 4, rows: rows / 4)
        self.measuresSpread = measuresSpread
        candidates.reserveCapacity(FinderGrid.mostPeaks)
    }

    /// Looks for ions beyond the model with the template of the bank that explains most, and says which one that is.
    mutating func search(_ window: inout cpipe_ion_window, floor: Float, most: Int) -> Int {
        grid.fill(&window)
        coarse.fill(grid)
        grid.weigh()
        coarse.weigh()
        if measuresSpread {
            grid.filterAcross(Self.typical)
            grid.filterAlong(Self.typical)
            spread = grid.spread(Self.typical)
        }
        let floor = floor * spread
        let likely = Self.best(of: Self.coarseBank, &coarse, floor, most)
        // Faint ions show in pairs only.
        let isFaint = likely.first == nil
        var (chosen, explained) = (0, Float(0))
        for index in Self.bank.indices where isFaint || index == likely.first || index == likely.second {
            let template = Self.bank[index]
            grid.filterAcross(template)
            grid.filterAlong(template)
            let total = grid.choose(template, floor: floor, most: most)
            guard total > explained else { continue }
            (chosen, explained) = (index, total)
            tell(template, isExact: false)
        }
        if explained == 0 { candidates.removeAll(keepingCapacity: true) }
        return chosen
    }

    /// Looks for what a model with ions in it leaves over. Here the noise is that of the ions too.
    mutating func search(_ window: inout cpipe_ion_window, _ template: Template, floor: Float, most: Int) {
        grid.fill(&window)
        grid.weigh()
        grid.filterExactly(template)
        if measuresSpread { spread = grid.spread(template) }
        _ = grid.choose(template, floor: floor * spread, most: most)
        tell(template, isExact: true)
    }

    /// The two templates that explain most.
    private static func best(
        of bank: [Template],
        _ grid: inout FinderGrid,
        _ floor: Float,
        _ most: Int
    ) -> (first: Int?, second: Int?) {
        var (first, second) = (Int?.none, Int?.none)
        var (most1, most2) = (Float(0), Float(0))
        for index in bank.indices {
            let template = bank[index]
            if index == 0 || template.sigma != bank[index - 1].sigma { grid.filterAcross(template) }
            grid.filterAlong(template)
            let total = grid.choose(template, floor: floor, most: most)
            if total > most1 {
                (second, most2) = (first, most1)
                (first, most1) = (index, total)
            } else if total > most2 {
                (second, most2) = (index, total)
            }
        }
        return (first, second)
    }

    private mutating func tell(_ template: Template, isExact: Bool) {
        candidates.removeAll(keepingCapacity: true)
        for index in grid.taken {
            let (column, row, light) = grid.place(of: grid.peaks[index], template, isExact: isExact)
            candidates.append(Candidate(x: 2 * column + 0.5, y: 2 * row + 0.5, photons: light))
        }
    }
}
