/// The borders of what is above a threshold, outer ones and those of holes, in the order in which Suzuki and Abe (1985)
/// find them; and the centres of the polygons through their pixels.
struct Contours {
    /// Whole coordinates, cut; borders without area (single pixels, lines) have none.
    private(set) var centres: [(x: Int, y: Int)] = []

    private var marks: [Int8] = []
    private var wide = 0
    /// The eight neighbours, clockwise as one sees them, from the left.
    private var around: [Int] = []

    private static let unseen: Int8 = 1
    private static let followed: Int8 = 2
    /// Followed, and nothing to its right.
    private static let closed: Int8 = -2

    mutating func trace(_ values: [UInt8], columns: Int, rows: Int, above threshold: Int) {
        centres.removeAll(keepingCapacity: true)
        wide = columns + 2
        around = [-1, -wide - 1, -wide, -wide + 1, 1, wide + 1, wide, wide - 1]
        marks = [Int8](repeating: 0, count: wide * (rows + 2))
        for row in 0..<rows {
            for column in 0..<columns where Int(values[row * columns + column]) > threshold {
                marks[(row + 1) * wide + column + 1] = Self.unseen
            }
        }
        for row in 1...rows {
            for column in 1...columns {
                let place = row * wide + column
                if marks[place] == Self.unseen && marks[place - 1] == 0 {
                    follow(place, from: 0)
                } else if marks[place] > 0 && marks[place + 1] == 0 {
                    follow(place, from: 4)
                }
            }
        }
    }

    private mutating func follow(_ start: Int, from direction: Int) {
        guard let first = (0..<8).map({ (direction + $0) & 7 }).first(where: { marks[start + around[$0]] != 0 }) else {
            marks[start] = Self.closed
            return
        }
        let end = start + around[first]
        var polygon = Polygon()
        var (here, back) = (start, first)
        while true {
            polygon.add(here % wide - 1, here / wide - 1)
            var passedRight = false
            var next = (back + 7) & 7
            while marks[here + around[next]] == 0 {
                if next == 4 { passedRight = true }
                next = (next + 7) & 7
            }
            if passedRight {
                marks[here] = Self.closed
            } else if marks[here] == Self.unseen {
                marks[here] = Self.followed
            }
            let ahead = here + around[next]
            if ahead == start && here == end { break }
            back = (next + 4) & 7
            here = ahead
        }
        if let centre = polygon.centre { centres.append(centre) }
    }
}

/// Area and first moments of a polygon, from its corners in order.
private struct Polygon {
    private var first: (x: Double, y: Double)?
    private var last = (x: 0.0, y: 0.0)
    private var area = 0.0
    private var across = 0.0
    private var along = 0.0

    mutating func add(_ column: Int, _ row: Int) {
        let corner = (x: Double(column), y: Double(row))
        if first == nil { first = corner } else { side(to: corner) }
        last = corner
    }

    private mutating func side(to corner: (x: Double, y: Double)) {
        let cross = last.x * corner.y - corner.x * last.y
        area += cross
        across += cross * (last.x + corner.x)
        along += cross * (last.y + corner.y)
    }

    private static let sixth = 1.0 / 6

    var centre: (x: Int, y: Int)? {
        guard let first else { return nil }
        var closed = self
        closed.side(to: first)
        guard abs(closed.area) > 1e-7 else { return nil }
        // As OpenCV rounds: a centre on a whole number may come out just below it, and is cut.
        let area = 0.5 * closed.area
        return (Int(closed.across * Self.sixth / area), Int(closed.along * Self.sixth / area))
    }
}
