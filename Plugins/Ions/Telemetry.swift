import PipeCore

/// The lab's channels of a camera: how many ions, where the first one is and how wide, and the means of all. A frame without ions
/// has no such numbers, and says so by leaving them out: the original stored 'not a number', which is no JSON.
enum Telemetry {
    static func point(of ions: [FoundIon], at date: Double) -> JSON {
        var members = [JSON.Member("timestamp", .number(date)), JSON.Member("ion_count", .integer(ions.count))]
        func add(_ prefix: String, _ values: [Double]) {
            for (key, value) in zip(["pos_x", "pos_y", "sig_x", "sig_y"], values) where value.isFinite {
                members.append(JSON.Member(prefix + key, .number(value)))
            }
        }
        if let first = ions.first { add("", first.place) }
        if !ions.isEmpty {
            let sums = ions.reduce(into: [0.0, 0, 0, 0]) { sums, ion in
                for (n, value) in ion.place.enumerated() { sums[n] += value }
            }
            add("avg_", sums.map { $0 / Double(ions.count) })
        }
        return .object(members)
    }
}

extension FoundIon {
    fileprivate var place: [Double] { [x, y, sigma, amplitude] }
}
