import Foundation
import PipeCore
import PipeKit

/// Numbers that come by themselves, on a thread that waits for them, as pictures come from a camera.
struct Ticks: Source {
    static let info = StageInfo("ticks", "Counts on a thread of its own.", example: "interval: 10ms")

    @Output("The numbers.") var numbers: Sender<Document>

    @Option("The time between two.", in: .milliseconds(1)...) var interval = Duration.milliseconds(10)

    mutating func start(_ context: StageContext) throws {
        var policy = LinkPolicy()
        policy.capacity = 4
        policy.whenFull = .dropOldest
        let intake = context.intake(policy)
        let interval = interval
        Thread.detachNewThread {
            var number = 0
            while intake.push(Document(["number": .integer(number)])) {  // false: nobody listens any more
                Thread.sleep(forTimeInterval: Double(interval.nanoseconds) * 1e-9)
                number += 1
            }
        }
    }

    mutating func produce(_ room: Int, _ context: StageContext) -> Production { .later }
}
