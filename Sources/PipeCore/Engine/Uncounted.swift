/// A reference that is not counted. The engine owns its stages and links and outlives every step; a step that counted
/// each reference up and down would spend a fifth of its time on it.
struct Uncounted<Object: AnyObject>: @unchecked Sendable {  // as the object
    private let reference: Unmanaged<Object>

    init(_ object: Object) { reference = .passUnretained(object) }

    var object: Object { reference.takeUnretainedValue() }

    /// The object, without counting, for as long as `body` runs.
    @inline(__always)
    func with<Result>(_ body: (Object) throws -> Result) rethrows -> Result {
        try reference._withUnsafeGuaranteedRef(body)
    }
}

/// A few values at a fixed place, which are read without a check or a count. Their owner frees them.
struct FixedList<Element> {
    private let start: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: some Collection<Element>) {
        count = elements.count
        start = .allocate(capacity: count)
        for (index, element) in elements.enumerated() { (start + index).initialize(to: element) }
    }

    func deallocate() {
        start.deinitialize(count: count)
        start.deallocate()
    }

    var isEmpty: Bool { count == 0 }

    @inline(__always)
    subscript(index: Int) -> Element {
        get { start[index] }
        nonmutating set { start[index] = newValue }
    }
}

extension FixedList: Sequence {
    func makeIterator() -> UnsafeBufferPointer<Element>.Iterator {
        UnsafeBufferPointer(start: start, count: count).makeIterator()
    }
}
