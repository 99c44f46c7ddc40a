public import PipeCore

/// A stage that makes items: it has outputs and no inputs.
public protocol Source: Stage {
    /// Makes up to `room` items, and says when to ask again. It does not wait: what must wait goes to
    /// `context.submit`, or to a thread that pushes into `context.intake`.
    mutating func produce(_ room: Int, _ context: StageContext) throws -> Production
}

/// A stage that takes items from its inputs, which all carry `Incoming`: a transform or a sink.
public protocol Consumer: Stage {
    associatedtype Incoming: Payload

    /// Works on an item. What it neither sends on, nor drops, nor keeps counts as used up. An error counts the item as
    /// failed, and leads to what the graph's `on_error` says.
    ///
    /// A stage with several inputs finds the item's in `context.input`.
    mutating func process(_ item: consuming Item<Incoming>, _ context: StageContext) throws
}

extension Stage {
    /// Makes the instance that the runners call. A conforming type does not implement it: this default is specialised
    /// for each stage in its own module, so that the loop over a batch and the stage's work are one piece of code.
    @inlinable
    public static func body(_ values: FieldValues, _ outputs: UnsafeMutablePointer<Outbox>) -> StageBody {
        unstepped(values, outputs)
    }

    @usableFromInline
    static func unstepped(_ values: FieldValues, _ outputs: UnsafeMutablePointer<Outbox>) -> StageBody {
        preconditionFailure("'\(info.name)' is neither a Source nor a Consumer")
    }
}

extension Source {
    @inlinable
    public static func body(_ values: FieldValues, _ outputs: UnsafeMutablePointer<Outbox>) -> StageBody {
        let stage = place(values, outputs)
        return makeBody(
            stage,
            process: { _, _, _ in 0 },
            produce: { room, context in try stage.pointee.produce(room, context) }
        )
    }
}

extension Consumer {
    @inlinable
    public static func body(_ values: FieldValues, _ outputs: UnsafeMutablePointer<Outbox>) -> StageBody {
        let stage = place(values, outputs)
        return makeBody(
            stage,
            process: { slots, count, context in
                guard !context.needsCare else { return work(stage, on: slots, count, context) }
                var slot = slots
                let end = slots + count
                repeat {
                    context.openItem()
                    do {
                        try stage.pointee.process(Item<Incoming>(taking: slot), context)
                    } catch {
                        context.failedOnItem(error, at: slot)
                    }
                    slot += 1
                } while slot < end && !context.mustStop
                context.worked(on: slot - slots)
                return slot - slots
            },
            produce: { _, _ in .ended }
        )
    }

    /// Works on slots of which some may be gaps, and tells the engine of each.
    @inlinable
    static func work(
        _ stage: UnsafeMutablePointer<Self>,
        on slots: UnsafeMutablePointer<Slot>,
        _ count: Int,
        _ context: StageContext
    ) -> Int {
        var index = 0
        while index < count {
            let slot = slots + index
            index += 1
            if !slot.pointee.header.isGap {
                context.open(slot)
                do { try stage.pointee.process(Item(taking: slot), context) } catch {
                    context.failedOnItem(error, at: slot)
                }
                context.settle()
            } else if awaitsPartners {
                do { try stage.pointee.missed(context.takeGap(slot), context) } catch {
                    context.failedOnItem(error, at: slot)
                }
                context.settle()
            } else {
                context.passOnGap(slot)
            }
            if context.mustStop { break }
        }
        return index
    }
}

extension Stage {
    /// An instance at a fixed place: what is read through a pointer costs no check of exclusivity.
    @usableFromInline
    static func place(_ values: FieldValues, _ outputs: UnsafeMutablePointer<Outbox>) -> UnsafeMutablePointer<Self> {
        let stage = UnsafeMutablePointer<Self>.allocate(capacity: 1)
        stage.initialize(to: Fields.of(Self.self).make(Self.self, values, outputs: outputs))
        return stage
    }

    @usableFromInline
    static func makeBody(
        _ stage: UnsafeMutablePointer<Self>,
        process: @escaping (UnsafeMutablePointer<Slot>, Int, StageContext) -> Int,
        produce: @escaping (Int, StageContext) throws -> Production
    ) -> StageBody {
        StageBody(
            start: { try stage.pointee.start($0) },
            process: process,
            produce: produce,
            wake: { try stage.pointee.wake($0) },
            completed: { try stage.pointee.completed($0, $1) },
            ended: { try stage.pointee.ended(input: $0, $1) },
            finish: { try stage.pointee.finish($0) },
            disturb: { try stage.pointee.disturbed($0, $1) },
            discard: {
                stage.pointee.stopped()
                stage.deinitialize(count: 1)
                stage.deallocate()
            }
        )
    }
}
