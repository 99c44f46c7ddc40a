extension Explanation {
    static let whole: [Explanation] = flow + resources

    /// The graph as a whole: how items flow through it.
    private static let flow: [Explanation] = [
        Explanation(
            "cycle",
            "a loop of stages that wait for each other",
            """
            These stages feed each other in a loop, and each needs an item of the one before it to
            send its first, so nothing would ever begin. A loop can start at a stage that works on
            what comes from outside without waiting for what comes round: merge is one. Bring the
            loop and its source together there, or remove the link that closes the loop.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  queue: { type: join, from: { orders: { to: left }, ready.rest: { to: right } } }
                  ready: { type: split, from: queue, where: minutes > 5 }
                  till: { type: null, from: ready.matched }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  queue: { type: merge, from: { orders: {}, ready.rest: { when_full: drop_oldest } } }
                  ready: { type: split, from: queue, where: minutes > 5 }
                  till: { type: null, from: ready.matched }
                """
        ),
        Explanation(
            "cycle-can-fill",
            "a loop that can fill up and stand still",
            """
            Every link of this loop blocks when it is full. Once all of them are, each stage waits
            for room in front of it that only the next one could make, and the loop stands still for
            good. It may take hours of load to happen, which is why pipe looks for it beforehand.
            Give one link of the loop a way to let go: 'when_full' with drop_oldest, drop_newest or
            latest, a 'max_age', or a directory to 'spill' to.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  queue: { type: merge, from: [orders, ready.rest] }
                  ready: { type: split, from: queue, where: minutes > 5 }
                  till: { type: null, from: ready.matched }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  queue: { type: merge, from: { orders: {}, ready.rest: { when_full: drop_oldest } } }
                  ready: { type: split, from: queue, where: minutes > 5 }
                  till: { type: null, from: ready.matched }
                """
        ),
        Explanation(
            "unreachable-stage",
            "no source leads to a stage",
            """
            Going back from this stage along the links, one never comes to a source, so no item will
            ever reach it. Its inputs are linked, only to stages that are in the same position:
            usually a loop that the source was not linked to. Link a source to it, or remove the
            part that is cut off.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  archive: { type: null, from: orders }
                  queue: { type: merge, from: { ready.rest: { when_full: drop_oldest } } }
                  ready: { type: split, from: queue, where: minutes > 5 }
                  till: { type: null, from: ready.matched }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  archive: { type: null, from: orders }
                  queue: { type: merge, from: { orders: {}, ready.rest: { when_full: drop_oldest } } }
                  ready: { type: split, from: queue, where: minutes > 5 }
                  till: { type: null, from: ready.matched }
                """
        ),
        Explanation(
            "batch-exceeds-queue",
            "a batch larger than the link that feeds it",
            """
            The stage works on so many items together, and the link before it cannot hold as many,
            so a whole batch could never wait there: items would be dropped, or the sender would
            stand still for the sake of the rest. A link holds 64 items unless it says otherwise.
            Make the batch smaller, or give the link a 'capacity' of at least the batch.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  hundreds: { type: batch, from: orders, count: 100 }
                  till: { type: null, from: hundreds }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  hundreds: { type: batch, from: { orders: { capacity: 100 } }, count: 100 }
                  till: { type: null, from: hundreds }
                """
        ),
        Explanation(
            "join-can-starve",
            "a stage waits for items that may have been dropped",
            """
            The stage keeps each item until its partner comes on the other input, however long that
            takes ('missing: wait'). On this side some items may be left out on the way: by the
            link, by a filter, or by a stage that skips what it fails on. Their partners would wait
            forever, and fill the other side. Let this side block, or let the stage go on alone by
            'missing: skip' or 'missing: pass'.
            """,
            wrong: """
                pipe: 1
                stages:
                  left: { type: generate }
                  right: { type: generate }
                  pairs:
                    type: join
                    from: { left: { to: left }, right: { to: right, when_full: drop_oldest } }
                    missing: wait
                  gate: { type: null, from: pairs }
                """,
            right: """
                pipe: 1
                stages:
                  left: { type: generate }
                  right: { type: generate }
                  pairs:
                    type: join
                    from: { left: { to: left }, right: { to: right, when_full: block } }
                    missing: wait
                  gate: { type: null, from: pairs }
                """
        ),
        Explanation(
            "fan-out-can-freeze",
            "one slow sink could hold up all that share its source",
            """
            One output feeds several stages, and this link leads to a sink that can stall, such as a
            full disk or a slow network. A link that blocks would then hold back the sender, and
            with it every other stage that it feeds. That may be what you want, but it must be said:
            write 'when_full: block' to keep everything, or 'drop_oldest', 'drop_newest' or 'latest'
            to let the others go on without waiting.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate }
                  screen: { type: null, from: camera }
                  results: { type: jsonl_file, from: camera, path: out/frames.jsonl }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate }
                  screen: { type: null, from: camera }
                  results:
                    type: jsonl_file
                    from: { camera: { when_full: drop_oldest } }
                    path: out/frames.jsonl
                """
        ),
    ]
}
