extension Explanation {
    static let values: [Explanation] = options + fills

    /// Keys and values.
    private static let options: [Explanation] = [
        Explanation(
            "unknown-key",
            "a key that has no meaning here",
            """
            Every key of a graph is declared somewhere: by the language, by a stage's type or by the
            options of a link. This one is not, and if it were passed over, a misspelt option would
            silently keep its default. The help names what was probably meant, also where another
            tool has a different word for it. 'pipe stages NAME' lists the options of a type.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate, fps: 30/s }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate, rate: 30/s }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "missing-key",
            "something that must be stated is not",
            """
            Options without a sensible default must be stated: nobody but you can know which file to
            write or how fast is fast enough. The finding names the key and the type of its value;
            add it. The same code tells that a graph has no 'stages', or that a stage states nothing
            to do, such as a map that neither sets nor keeps nor removes a value.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: out/orders.jsonl }
                """
        ),
        Explanation(
            "missing-value",
            "a key without a value",
            """
            The key is there, and nothing is written after it, or its list is empty. It could mean
            "the default" or "I meant to come back to this", so pipe asks. Write the value, or
            remove the key to get the default. If the value stands on the lines below, they must be
            indented further than the key.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera:
                    type: generate
                    rate:
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                stages:
                  camera:
                    type: generate
                    rate: 30/s
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "wrong-shape",
            "a list, a mapping or a single value, where another of them belongs",
            """
            YAML has three shapes: a single value, a list '[a, b]' and a mapping '{ key: value }'.
            The one that stands here is not the one that the key takes. A list of one element still
            needs its brackets, or a '- ' before the element. In YAML, brackets and braces at the
            start of a value are part of its shape; a text that begins with one belongs in quotes.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate, keys: left }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate, keys: [left] }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "wrong-type",
            "a value that is not of the option's type",
            """
            Each option has a type, such as integer, bool, duration or address, and this value
            cannot be read as one. pipe does not guess: a bool is 'true' or 'false' and not 'yes', a
            number stands without quotes, an integer has no point. The finding names the type.
            'pipe stages NAME' shows the type and default of every option.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  tables: { type: batch, from: orders, per_key: yes }
                  till: { type: null, from: tables }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  tables: { type: batch, from: orders, per_key: true }
                  till: { type: null, from: tables }
                """
        ),
        Explanation(
            "missing-unit",
            "a number without its unit",
            """
            Times, sizes, rates and percentages carry their unit, as '100ms', '64MiB', '30/s' and
            '0.1%' do. A bare 30 could mean 30 a second or 30 a minute, and the difference would
            show only when the graph runs. Write the unit right behind the number; the help lists
            those that fit.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate, rate: 30 }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate, rate: 30/s }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "unknown-unit",
            "a unit that does not fit here",
            """
            The number is fine, and what follows it is not a unit of this option: it is misspelt,
            spelt out, set apart by a blank, or a unit of something else, such as 'MiB' for a time.
            Each unit has one spelling, and upper and lower case differ: 'kHz', 'MiB', 'ms'. The
            help lists the units, and what was probably meant.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate, rate: 30 fps }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate, rate: 30/s }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "out-of-range",
            "a value beyond what the option allows",
            """
            The value has the right type and lies outside its bounds: a link must hold at least one
            item, a share of items ends at 100%. The bounds are where the stage still does something
            sensible; the finding states them. Choose a value within. A param may set bounds of its
            own with 'range'; if yours are too narrow, widen them there.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: { camera: { capacity: 0 } } }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: { camera: { capacity: 1 } } }
                """
        ),
        Explanation(
            "unknown-value",
            "a word that is not one of the choices",
            """
            Some options take one word out of a few, such as what happens when a link is full. This
            word is not among them. The help lists them, with the one that comes nearest;
            'pipe stages NAME' says what each does. For a param of type choice, the words are those
            under its 'choices'.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: { camera: { when_full: drop_oldst } } }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: { camera: { when_full: drop_oldest } } }
                """
        ),
        Explanation(
            "bad-name",
            "a name with characters that names do not have",
            """
            Names of stages, params and stations are made of letters, digits, '_' and '-', and have
            64 characters at most; those of stages and params begin with a letter. So they can stand
            in 'from: stage.port', in '${params.name}', in paths and in reports, and never be
            mistaken for something else. The help has a name that would do. A longer one that is
            meant for people goes into 'description'.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                  2nd till: { type: null, from: orders }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                  second_till: { type: null, from: orders }
                """
        ),
        Explanation(
            "bad-expression",
            "an expression that cannot be read",
            """
            Options such as 'where' and 'set' take an expression over the values of an item, and it
            is read when the graph is checked, so that a slip shows before anything runs. Values are
            joined by 'and', 'or' and 'not', compared by '==', '!=', '<', '<=', '>' and '>=', and
            texts stand in quotes. The caret points at the part that does not fit. In YAML, an
            expression that begins with a quote or holds ' #' or ': ' belongs in quotes as a whole.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  large: { type: filter, from: orders, where: total >= 100 && paid }
                  till: { type: null, from: large }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  large: { type: filter, from: orders, where: total >= 100 and paid }
                  till: { type: null, from: large }
                """
        ),
        Explanation(
            "option-conflict",
            "two options that contradict each other",
            """
            Each option is fine alone, and together one of them has no meaning: a link that keeps
            the latest item holds one, so it cannot have room for eight. pipe could ignore one of
            the two, and you would believe that it works. Keep the one that you mean; the help says
            which to remove or what to add.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: { camera: { when_full: latest, capacity: 8 } } }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: { camera: { when_full: drop_oldest, capacity: 8 } } }
                """
        ),
        Explanation(
            "deprecated",
            "an option that is going away",
            """
            The option still works, and a later version of pipe will not have it, so this is a
            warning. The help says what to write instead, or why the option goes. Change it now,
            while both are read: the graph then needs no change on the day of the update.
            'pipe validate --strict' treats it as an error.
            """,
            wrong: """
                # In words, since no option is going away now: suppose 'speed' gave way to 'rate'.
                pipe: 1
                stages:
                  camera: { type: generate, speed: 30/s }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate, rate: 30/s }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "unsupported-version",
            "a version of the language that this pipe does not read",
            """
            The line 'pipe: 1' says for which version of the language the file was written, so that
            a later pipe can still read it as it was meant. This number is not the version that your
            pipe reads. If the file comes from a newer pipe, update yours; if the number is a slip,
            write 1. It is the version of the language, not that of the program or of your graph.
            """,
            wrong: """
                pipe: 2
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """
        ),
    ]
}
