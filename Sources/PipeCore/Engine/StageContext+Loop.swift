// What PipeKit's loop over a batch needs of the engine. Not for stages.
extension StageContext {
    /// False where every slot of a batch is an item and nobody wants to know of each.
    @inlinable public var needsCare: Bool { cell.pointee.needsCare }

    /// As `open`, where no care is needed; `worked` follows for all of a batch together.
    @inlinable public func openItem() { cell.pointee.open = 1 }
    @inlinable
    public func worked(on items: Int) {
        cell.pointee.settle()
        cell.pointee.done &+= counted(items, .stageWorkedOn)
    }

    /// An item is in the stage's hands.
    @inlinable
    public func open(_ slot: UnsafeMutablePointer<Slot>) {
        cell.pointee.begin()
        if cell.pointee.savesItems { cell.pointee.save(slot) }
        if cell.pointee.leavesGaps { cell.pointee.current = slot.pointee.header }
    }

    /// The call has returned.
    @inlinable
    public func settle() {
        cell.pointee.settle()
        if cell.pointee.leavesGaps { cell.pointee.current = nil }
        if cell.pointee.marksItems { itemFinished() }
    }

    @usableFromInline
    func itemFinished() {
        cell.pointee.forget()
        node.markItem()
    }

    @inlinable public var mustStop: Bool { cell.pointee.stops }

    /// The call ended with an error. `slot` held the item: its header still stands there.
    public func failedOnItem(_ error: any Error, at slot: UnsafeMutablePointer<Slot>) {
        if cell.pointee.carries { cell.pointee.current = UnsafeRawPointer(slot).load(as: Header.self) }
        node.failed(cell.pointee.open, error)
        cell.pointee.current = nil
    }

    public func passOnGap(_ slot: UnsafeMutablePointer<Slot>) {
        node.passOnGap(slot)
        node.markItem()
    }

    public func takeGap(_ slot: UnsafeMutablePointer<Slot>) -> Gap {
        defer { slot.destroy() }
        return slot.pointee.gap
    }
}
