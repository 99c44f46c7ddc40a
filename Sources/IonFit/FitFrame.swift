import CIonFit

/// A frame that is being fitted: what was measured, what the ions found so far and the plane under them explain.
final class FitFrame {
    let columns: Int
    let rows: Int
    let wide: Int
    /// The camera as it was stated, or as the last frame shows it.
    private(set) var camera: CameraModel
    /// Nobody has stated the camera.
    let isCameraUnknown: Bool
    let limits: FitLimits
    let photons: UnsafeMutablePointer<Float>
    private let model: UnsafeMutablePointer<Float>
    private let fits: UnsafeMutablePointer<FittedIon>
    private let across: UnsafeMutablePointer<cpipe_ion_across>
    private let along: UnsafeMutablePointer<cpipe_ion_along>
    private(set) var count = 0
    private var finder: Finder
    private(set) var plane = Plane(level: 0)
    private var sample: [Float] = []
    private var order: [Int] = []
    private var matrix = CholeskyMatrix(room: FittedIon.room)
    private(set) var clipped = 0

    init(columns: Int, rows: Int, camera: CameraModel?, limits: FitLimits) {
        (self.columns, self.rows, self.limits) = (columns, rows, limits)
        (self.camera, isCameraUnknown) = (camera ?? CameraModel(), camera == nil)
        wide = (columns + 15) / 16 * 16
        let size = wide * rows + 16
        photons = .allocate(capacity: size)
        photons.initialize(repeating: 0, count: size)
        model = .allocate(capacity: size)
        model.initialize(repeating: 0, count: size)
        // Two more than there may be: a try at one ion in place of two, or at two in place of one.
        across = .allocate(capacity: limits.ions + 2)
        across.initialize(repeating: cpipe_ion_across(), count: limits.ions + 2)
        along = .allocate(capacity: limits.ions + 2)
        along.initialize(repeating: cpipe_ion_along(), count: limits.ions + 2)
        fits = .allocate(capacity: limits.ions + 2)
        for place in 0..<limits.ions + 2 { (fits + place).initialize(to: FittedIon(across + place, along + place)) }
        finder = Finder(columns: columns, rows: rows, measuresSpread: camera == nil)
        sample.reserveCapacity(1024)
    }

    deinit {
        photons.deallocate()
        model.deallocate()
        fits.deallocate()
        across.deallocate()
        along.deallocate()
    }

    func fit(_ picture: Picture, into ions: inout [Ion]) {
        if isCameraUnknown { camera = CameraModel() }
        read(picture)
        guard !isBlind else { return report(into: &ions) }
        if isCameraUnknown { change(to: roughCamera(), picture) }
        findFirst()
        sweep(rounds: 6)
        refinePlane()
        refineCamera(picture)
        findRest()
        sweep(rounds: 4)
        refinePlane()
        refineCamera(picture)
        join()
        prune()
        sweep(rounds: 4)
        settle()
        let isSplit = split()
        if prune() || isSplit {
            sweep(rounds: 4)
            settle()
        }
        report(into: &ions)
        if isCameraUnknown { ions.removeAll { isDoubtful($0, picture.depth) } }
    }

    // MARK: - The frame

    private var ceiling: Float = 0

    private func read(_ picture: Picture) {
        count = 0
        convert(picture)
        plane = Plane(level: roughLevel())
        drawPlane()
        refineEmptyPlane()
    }

    private func convert(_ picture: Picture) {
        let (offset, unit) = (Float(camera.offset), Float(camera.unit))
        let most = camera.saturation ?? (1 << picture.depth.rawValue) - 1
        clipped = Int(
            cpipe_ion_photons(
                picture.values,
                Int32(picture.depth.rawValue),
                picture.stride,
                Int32(columns),
                Int32(rows),
                offset,
                unit,
                Int32(clamping: most),
                photons,
                wide
            )
        )
        ceiling = (Float(most) - 0.5 - offset) * unit
    }

    /// Another idea of the camera: the same counts are other photons, and so is what has been fitted to them.
    private func change(to other: CameraModel, _ picture: Picture) {
        let scale = other.unit / camera.unit
        plane.level = plane.level * scale + (camera.offset - other.offset) * other.unit
        plane.across *= scale
        plane.along *= scale
        plane.error *= scale
        for index in 0..<count { fits[index].scale(by: scale) }
        camera = other
        convert(picture)
        drawModel()
    }

    private func refineCamera(_ picture: Picture) {
        if isCameraUnknown, columns > 2, rows > 2 { change(to: refinedCamera(), picture) }
    }

    func window(columns first: Range<Int>, rows: Range<Int>) -> cpipe_ion_window {
        let start = rows.lowerBound * wide + first.lowerBound
        return cpipe_ion_window(
            photons: photons + start,
            model: model + start,
            wide: wide,
            columns: Int32(first.count),
            rows: Int32(rows.count),
            noise: Float(camera.noise),
            ceiling: ceiling
        )
    }

    var whole: cpipe_ion_window { window(columns: 0..<columns, rows: 0..<rows) }

    /// Hardly a pixel that is not clipped: there is nothing to fit.
    private var isBlind: Bool { clipped * 2 > columns * rows }

    private func drawPlane() {
        cpipe_ion_plane(
            model,
            wide,
            Int32(columns),
            Int32(rows),
            Float(plane.level),
            Float(plane.across),
            Float(plane.along)
        )
    }

    /// The median of a sample of the pixels, which ions do not move far.
    private func roughLevel() -> Double {
        sample.removeAll(keepingCapacity: true)
        let step = max(1, columns * rows / 512) | 1
        var place = 0
        while place < columns * rows, sample.count < 1024 {
            sample.append(photons[place / columns * wide + place % columns])
            place += step
        }
        sample.sort()
        let middle = sample[sample.count / 2]
        // The mean of what is near: a median of few photons is a whole number.
        let reach = 3 * (max(middle, 0) + 1 + Float(camera.noise)).squareRoot()
        var (total, number) = (0.0, 0.0)
        for value in sample where abs(value - middle) <= reach {
            total += Double(value)
            number += 1
        }
        return max(0, total / max(1, number))
    }

    /// The plane of a frame whose ions are not known yet: pixels far above it do not count.
    private func refineEmptyPlane() {
        let ceiling = ceiling
        for _ in 0..<2 {
            let level = max(plane.level, 0) + camera.noise
            var window = whole
            window.ceiling = min(ceiling, Float(max(plane.level, 0) + 3.5 * level.squareRoot() + 1))
            step(&window)
        }
    }

    private func refinePlane() {
        var window = whole
        step(&window)
    }

    private func step(_ window: inout cpipe_ion_window) {
        var sums = [9 of Double](repeating: 0)
        withUnsafeMutableBytes(of: &sums) { bytes in
            guard let first = bytes.bindMemory(to: Double.self).baseAddress else { return }
            cpipe_ion_plane_sums(first, &window, rows > 64 ? 4 : 1)
        }
        guard let step = Plane(step: sums) else { return }
        plane.add(step)
        drawModel()
    }

    private func drawModel() {
        drawPlane()
        for index in 0..<count { add(fits[index], sign: 1) }
    }

    private func add(_ fit: FittedIon, sign: Double) { fit.add(to: model, wide: wide, sign: sign) }

    // MARK: - Finding

    private var template = Finder.bank[0]

    private func findFirst() {
        var window = whole
        let chosen = finder.search(&window, floor: Float(limits.significance), most: limits.ions)
        template = Finder.bank[chosen]
        for candidate in finder.candidates { admit(candidate) }
    }

    private func findRest() {
        guard count > 0 else { return }
        var window = whole
        finder.search(&window, template, floor: Float(limits.significance), most: limits.ions)
        for candidate in finder.candidates where count < limits.ions && isNews(candidate) { admit(candidate) }
    }

    /// What is left over beside a bright ion is more often its shape than another ion.
    private func isNews(_ candidate: Finder.Candidate) -> Bool {
        for index in 0..<count {
            let known = fits[index].value
            let near =
                abs(candidate.x - known.x) < 3 * known.sigma
                && abs(candidate.y - known.y) < 3 * known.sigma + known.amplitude
            if near && candidate.photons < 0.1 * known.photons { return false }
        }
        return true
    }

    private func admit(_ candidate: Finder.Candidate) {
        guard count < limits.ions else { return }
        fits[count].begin(candidate, template, in: self)
        add(fits[count], sign: 1)
        count += 1
    }

    // MARK: - Fitting

    private func sweep(rounds: Int) {
        for index in 0..<count { refit(index, rounds: rounds) }
    }

    private func refit(_ index: Int, rounds: Int) {
        add(fits[index], sign: -1)
        fits[index].fit(in: self, rounds: rounds, matrix: &matrix)
        add(fits[index], sign: 1)
    }

    /// Neighbours move one another: more sweeps for those that still do. Ions that lie apart are done after the last one.
    private func settle() {
        for _ in 0..<Self.mostSweeps {
            order.removeAll(keepingCapacity: true)
            for index in 0..<count where isPushed(index) { order.append(index) }
            if order.isEmpty { return }
            for index in order { refit(index, rounds: 3) }
        }
    }

    private static let mostSweeps = 24

    private func isPushed(_ index: Int) -> Bool {
        for other in 0..<count where other != index && fits[other].drift > 0.03 && fits[index].overlaps(fits[other]) {
            return true
        }
        return false
    }

    /// The two turning points of one ion, found apart: where a single ion explains them better, it takes their place.
    private func join() {
        var first = 0
        while first < count {
            for second in first + 1..<max(count, first + 1) where fits[first].mayBeHalf(of: fits[second]) {
                if replace(first, second) { break }
            }
            first += 1
        }
    }

    private func replace(_ first: Int, _ second: Int) -> Bool {
        let whole = limits.ions
        fits[whole].begin(asBoth: fits[first], fits[second], in: self)
        add(fits[first], sign: -1)
        add(fits[second], sign: -1)
        fits[whole].fit(in: self, rounds: 12, matrix: &matrix)
        fits[whole].measure(in: self)
        add(fits[first], sign: 1)
        add(fits[second], sign: 1)
        guard fits[whole].chi < fits[whole].chiWithout(in: self) else { return false }
        add(fits[first], sign: -1)
        add(fits[second], sign: -1)
        add(fits[whole], sign: 1)
        swap(first, whole)
        remove(second)
        return true
    }

    /// The other way round: one that stands at the limit of the widths, or explains its pixels badly, may be two side by side or
    /// one above the other. Tells whether any was.
    private func split() -> Bool {
        let before = count
        for index in 0..<before where count < limits.ions && fits[index].mayBeTwo(in: self) {
            if !replaceByTwo(index, across: true) { _ = replaceByTwo(index, across: false) }
        }
        return count > before
    }

    /// Two take the place of one where they explain its pixels by far better.
    private func replaceByTwo(_ index: Int, across: Bool) -> Bool {
        let (one, other) = (limits.ions, limits.ions + 1)
        add(fits[index], sign: -1)
        fits[index].measure(in: self)
        fits[one].begin(asHalfOf: fits[index], across: across, side: -1, in: self)
        fits[other].begin(asHalfOf: fits[index], across: across, side: 1, in: self)
        add(fits[one], sign: 1)
        add(fits[other], sign: 1)
        // In a chain two may stand for three: the neighbours must be free to let go of what is not theirs.
        order.removeAll(keepingCapacity: true)
        for near in 0..<count where near != index && fits[near].overlaps(fits[index]) { order.append(near) }
        for _ in 0..<6 {
            refit(one, rounds: 3)
            refit(other, rounds: 3)
            for near in order { refit(near, rounds: 2) }
        }
        let isBetter = fits[index].chiWithout(in: self) + 100 < 0.85 * fits[index].chi
        swap(one, index)
        swap(other, count)
        count += 1
        if isBetter && !isNoIon(index) && !isNoIon(count - 1) { return true }
        add(fits[index], sign: -1)
        add(fits[count - 1], sign: -1)
        count -= 1
        swap(one, index)
        add(fits[index], sign: 1)
        for near in order { refit(near, rounds: 6) }
        return false
    }

    private func remove(_ index: Int) {
        count -= 1
        swap(index, count)
    }

    private func swap(_ one: Int, _ other: Int) { (fits[one], fits[other]) = (fits[other], fits[one]) }

    /// Tells whether there was something that is no ion.
    @discardableResult private func prune() -> Bool {
        var index = 0
        let before = count
        while index < count {
            if isNoIon(index) {
                add(fits[index], sign: -1)
                remove(index)
            } else {
                index += 1
            }
        }
        return count < before
    }

    private func isNoIon(_ index: Int) -> Bool {
        let value = fits[index].value
        let error = fits[index].photonsError * Double(finder.spread)
        if value.photons < limits.significance * error { return true }
        if fits[index].isTooNarrow(in: self) || fits[index].isBeyondEdge(in: self) { return true }
        // At the limit of the widths there is no ion, but what a brighter one's shape leaves over.
        let reach = value.sigma >= limits.sigma.upperBound ? 3 * value.sigma : value.sigma
        for other in 0..<count where other != index {
            let known = fits[other].value
            if value.distance(known) < reach && value.photons <= known.photons { return true }
        }
        return false
    }

    /// Where the noise is only estimated, structure in it is no ion: what stands out by less than the errors that are told, or by
    /// less than one grey level of a picture in 8 bit, which JPEG draws at will.
    private func isDoubtful(_ ion: Ion, _ depth: Picture.Depth) -> Bool {
        let (value, error) = (ion.value, ion.error)
        let area = 2 * Double.pi * value.sigma * (value.sigma + value.amplitude)
        return value.photons < limits.significance * error.photons
            || depth == .eight && value.photons * camera.gain < area
    }

    // MARK: - Reporting

    private func report(into ions: inout [Ion]) {
        ions.removeAll(keepingCapacity: true)
        for index in 0..<count {
            add(fits[index], sign: -1)
            fits[index].measure(in: self)
            add(fits[index], sign: 1)
        }
        for index in 0..<count { ions.append(ion(index)) }
        ions.sort { ($0.value.y + $0.value.x / 1e6) < ($1.value.y + $1.value.x / 1e6) }
    }

    private func ion(_ index: Int) -> Ion {
        let near = neighbours(of: index)
        var ion = fits[index].ion(near, fits, in: self, matrix: &matrix)
        ion.background = plane.at(ion.value.x, ion.value.y, columns: columns, rows: rows) * camera.excess
        ion.value.photons *= camera.excess
        ion.error.photons *= camera.excess
        ion.error.scale(by: Double(finder.spread))
        return ion
    }

    /// The nearest ions whose light overlaps.
    private func neighbours(of index: Int) -> ArraySlice<Int> {
        order.removeAll(keepingCapacity: true)
        for other in 0..<count where other != index && fits[index].overlaps(fits[other]) { order.append(other) }
        let here = fits[index].value
        order.sort { fits[$0].value.distance(here) < fits[$1].value.distance(here) }
        return order.prefix(FittedIon.mostNeighbours)
    }
}
