extension Explanation {
    /// Stages and links.
    static let linking: [Explanation] = [
        Explanation(
            "unknown-type",
            "a stage type that does not exist",
            """
            The type says what a stage does, and this pipe has none of that name. 'pipe stages'
            lists all types, and 'pipe stages NAME' shows one with its ports and options. Until the
            type is known, the options of the stage and what it is linked to cannot be judged, so
            more findings may follow once it is mended.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  results: { type: json_file, from: orders, path: out/orders.jsonl }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: out/orders.jsonl }
                """
        ),
        Explanation(
            "unknown-stage",
            "a stage that does not exist",
            """
            A 'from' or a test names a stage that is not under 'stages:' of this graph. Most often
            it is misspelt, or was renamed in one place only. A stage of an included file has that
            file's 'prefix' before its name. Several sources are a list, 'from: [left, right]', and
            not one text with commas.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: order }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """
        ),
        Explanation(
            "unknown-port",
            "a stage has no port of this name",
            """
            'stage.port' names one of the outputs of a stage, and 'to' one of the inputs of the
            stage that it stands in. The type of the stage has no such port. The help lists the
            ports; 'pipe stages NAME' says what each carries. A sink has no outputs at all, and the
            port 'dead_letter' is there only where the stage states 'on_error: dead_letter'.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  size: { type: split, from: orders, where: total >= 100 }
                  large: { type: null, from: size.large }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  size: { type: split, from: orders, where: total >= 100 }
                  large: { type: null, from: size.matched }
                """
        ),
        Explanation(
            "ambiguous-port",
            "a stage has several ports, and none is named",
            """
            The name of a stage alone is enough where it has one output. This one has several, so
            the name could mean any of them: write 'stage.port'. Where the stage that takes the
            items has several inputs, say which by 'to', as in 'from: { camera: { to: left } }'. The
            help lists the ports.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  size: { type: split, from: orders, where: total >= 100 }
                  large: { type: null, from: size }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  size: { type: split, from: orders, where: total >= 100 }
                  large: { type: null, from: size.matched }
                """
        ),
        Explanation(
            "unlinked-input",
            "nothing leads to an input",
            """
            The stage works on what comes to this input, and no link leads to it, so it would wait
            forever. Write 'from:' with the stage that the items come from. Where the stage has
            several inputs, each needs its own source, and 'to' says which is which. If the stage is
            not needed, remove it.
            """,
            wrong: """
                pipe: 1
                stages:
                  left: { type: generate }
                  pairs: { type: join, from: { left: { to: left } } }
                  gate: { type: null, from: pairs }
                """,
            right: """
                pipe: 1
                stages:
                  left: { type: generate }
                  right: { type: generate }
                  pairs: { type: join, from: { left: { to: left }, right: { to: right } } }
                  gate: { type: null, from: pairs }
                """
        ),
        Explanation(
            "unlinked-output",
            "nothing takes what leaves an output",
            """
            Items leave the stage by this output, and no stage names it in its 'from'. They would
            have nowhere to go, and usually the stage after it takes from the wrong place, as in the
            example. Link a stage to the output. If the items are really not needed, say so with a
            stage of type null: it takes everything and keeps nothing.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  large: { type: filter, from: orders, where: total >= 100 }
                  till: { type: null, from: orders }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  large: { type: filter, from: orders, where: total >= 100 }
                  till: { type: null, from: large }
                """
        ),
        Explanation(
            "too-many-links",
            "more links than a port takes",
            """
            Most inputs take one link, so that the order of what comes is clear. This is a second
            one; or the same output leads to the input twice; or the stage is a source, which takes
            nothing. To bring several stages together, put a stage of type merge before the input:
            it takes any number of links, and its 'order' says which item goes first.
            """,
            wrong: """
                pipe: 1
                stages:
                  left: { type: generate }
                  right: { type: generate }
                  large: { type: filter, from: [left, right], where: total >= 100 }
                  gate: { type: null, from: large }
                """,
            right: """
                pipe: 1
                stages:
                  left: { type: generate }
                  right: { type: generate }
                  both: { type: merge, from: [left, right] }
                  large: { type: filter, from: both, where: total >= 100 }
                  gate: { type: null, from: large }
                """
        ),
        Explanation(
            "type-mismatch",
            "a stage is sent something that it does not take",
            """
            Every output sends one type of payload, such as text or document, and every input takes
            one or any. These two do not fit, and no item would ever get through. Put a stage
            between them that takes the one and sends the other, or link a stage that sends what is
            wanted; here, batch makes documents out of lines. 'pipe stages NAME' shows what the
            ports carry. A stage of type merge gathers one type of payload only.
            """,
            wrong: """
                pipe: 1
                stages:
                  lines: { type: file_lines, path: orders.txt }
                  named: { type: map, from: lines, set: { first: "items[0]" } }
                  till: { type: null, from: named }
                """,
            right: """
                pipe: 1
                stages:
                  lines: { type: file_lines, path: orders.txt }
                  tens: { type: batch, from: lines, count: 10 }
                  named: { type: map, from: tens, set: { first: "items[0]" } }
                  till: { type: null, from: named }
                """,
            files: [("orders.txt", "soup\nbread\n")]
        ),
        Explanation(
            "unknown-link",
            "a test names a link that does not exist",
            """
            An expectation is about a link, written 'stage -> stage' or 'stage.output -> stage', and
            no link leads from the one to the other directly. A stage may stand between them, or the
            arrow may point the wrong way. Name two stages that are neighbours: the second has the
            first in its 'from'. 'pipe graph --dot' draws the links there are.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate, count: 10 }
                  large: { type: filter, from: orders, where: item.sequence > 5 }
                  till: { type: null, from: large }
                tests:
                  - name: some orders are large
                    expect: [{ link: orders -> till, out: "> 0" }]
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate, count: 10 }
                  large: { type: filter, from: orders, where: item.sequence > 5 }
                  till: { type: null, from: large }
                tests:
                  - name: some orders are large
                    expect: [{ link: large -> till, out: "> 0" }]
                """
        ),
    ]
}
