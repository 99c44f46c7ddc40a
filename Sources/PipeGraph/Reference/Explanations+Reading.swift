extension Explanation {
    /// Codes that no graph can show with the stage types there are. Their pages say in words what is wrong.
    public static let withoutExample: Set<String> = [
        "unreadable-file",  // about the file that pipe is started with, not about what it holds
        "not-utf8",  // the examples are text in Swift, which is UTF-8
        "deprecated",  // no stage has an option that is going away
        "same-address",  // no stage has an option that it listens on
    ]

    /// The file and its YAML.
    static let reading: [Explanation] = [
        Explanation(
            "unreadable-file",
            "the file of the graph cannot be opened or read",
            """
            The file that pipe was started with is not there, is a directory, or may not be read by
            you; the finding repeats what the system says about it. Without the file there is
            nothing to check, so this is the only finding. Compare the path with what is on the
            disk: it starts at the directory you are in. A file that is missing inside a graph, such
            as one to include, has a code of its own: missing-file.
            """,
            wrong: """
                # Saved as gate.yaml, and checked by: pipe validate gate.yml
                pipe: 1
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: camera }
                """,
            right: """
                # Saved as gate.yaml, and checked by: pipe validate gate.yaml
                pipe: 1
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "file-too-large",
            "a file is larger than pipe reads",
            """
            A file of a graph has 8 MiB at most, and ten thousand stages need far less. A larger
            one is nearly always not a graph: a recording, a log, or a device that never ends. Name
            the file that was meant. If a program wrote so many stages that are alike, let
            'stations', 'replicas' or 'include' repeat them.
            """,
            wrong: """
                pipe: 1
                include: [{ file: /dev/zero }]    # a device that never ends
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """,
            right: """
                pipe: 1
                include: [{ file: kitchen.yaml }]    # a small file with more stages
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """,
            files: [
                (
                    "kitchen.yaml",
                    """
                    pipe: 1
                    stages:
                      meals: { type: generate }
                      kitchen: { type: null, from: meals }
                    """
                )
            ]
        ),
        Explanation(
            "not-utf8",
            "the file is not UTF-8 text",
            """
            The bytes at this place are not UTF-8, the one encoding that graphs have, so nobody can
            say which characters they stand for. It happens when an editor saves in an older
            encoding, such as Latin-1 or UTF-16, or when the file is no text at all. Save it as
            UTF-8; most editors offer that beside the name in their dialog for saving.
            """,
            wrong: """
                # Saved as Latin-1, where the 'é' below is the one byte 0xe9.
                pipe: 1
                description: Orders of the café
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """,
            right: """
                # Saved as UTF-8, where the 'é' below is the two bytes 0xc3 0xa9.
                pipe: 1
                description: Orders of the café
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """
        ),
        Explanation(
            "control-character",
            "an invisible character stands where text belongs",
            """
            Besides tabs and line breaks, no control character may stand in a graph, nor may a byte
            order mark inside the text. You cannot see them, so a name with one would look like
            another name and be a different one. They come from copying out of a terminal or a
            document, and from joining files. Delete the character at this column, or type the line
            anew. In a text that must hold one, write it in double quotes as '\\x07'.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  # An invisible byte order mark (U+FEFF) stands before 'till'.
                  \u{FEFF}till: { type: null, from: orders }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """
        ),
        Explanation(
            "empty-file",
            "the file holds no graph",
            """
            The file is empty, or all of it is comments. A graph has at least the line 'pipe: 1' and
            a source and a sink under 'stages:'. 'pipe new graph generate/null' prints one to begin
            with. If you expected a graph here, the editor may not have saved it.
            """,
            wrong: """
                # Orders of the day, from the till to the kitchen.
                """,
            right: """
                # Orders of the day, from the till to the kitchen.
                pipe: 1
                stages:
                  till: { type: generate }
                  kitchen: { type: null, from: till }
                """
        ),
        Explanation(
            "yaml-syntax",
            "this is not YAML",
            """
            The file breaks a rule of YAML itself, so pipe cannot tell what belongs to what, and
            stops reading here. Usual causes are an indent that fits no line above, a quote or
            bracket that is not closed, and a text with ': ' or ' #' in it that is not in quotes.
            The help names the likely one. Mend it and check again: what comes after this place has
            not been looked at.
            """,
            wrong: """
                pipe: 1
                description: Orders: as they come
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """,
            right: """
                pipe: 1
                description: "Orders: as they come"
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """
        ),
        Explanation(
            "tab-indent",
            "a tab indents a line",
            """
            YAML tells what belongs to what by how far lines are indented, and allows only blanks
            for it, since a tab is two columns wide in one editor and eight in the next. Replace
            each tab at the start of a line by blanks, two for each level. Most editors can be told
            to insert blanks when you press the tab key in a YAML file.
            """,
            wrong: """
                pipe: 1
                stages:
                \torders: { type: generate }
                \ttill: { type: null, from: orders }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """
        ),
        Explanation(
            "duplicate-key",
            "a name is given twice",
            """
            Two entries of one mapping have the same name, often after a block was copied. Many YAML
            readers let the last one win without a word, and part of the file is then not what it
            seems, so pipe insists on one. Remove one of the two, or rename it. The same holds for
            two stations or two tests of one name, and for a stage in an included file: give the
            include a 'prefix'.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                  till: { type: null, from: orders }
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
            "bad-alias",
            "an alias has no anchor before it",
            """
            '*name' stands for the value that was marked with '&name' earlier in the same file. Here
            no such mark comes before it, or the alias stands inside the very value that it names.
            Check the spelling, and move the marked value above its first use. A text that merely
            begins with '*' belongs in quotes.
            """,
            wrong: """
                pipe: 1
                defaults: { links: &steady { capacity: 8 } }
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: { camera: *stedy } }
                """,
            right: """
                pipe: 1
                defaults: { links: &steady { capacity: 8 } }
                stages:
                  camera: { type: generate }
                  gate: { type: null, from: { camera: *steady } }
                """
        ),
        Explanation(
            "bad-merge",
            "'<<' is given something other than a mapping",
            """
            '<<' takes the entries of another mapping into this one; what is stated here wins over
            what is taken in. So its value is an alias of a mapping, such as '*left', or a list of
            such aliases. Most often the '*' was forgotten, and YAML then sees a plain text.
            """,
            wrong: """
                pipe: 1
                stages:
                  left: &left { type: generate, rate: 30/s }
                  right: { <<: left, type: generate }
                  gate: { type: null, from: [left, right] }
                """,
            right: """
                pipe: 1
                stages:
                  left: &left { type: generate, rate: 30/s }
                  right: { <<: *left }
                  gate: { type: null, from: [left, right] }
                """
        ),
        Explanation(
            "unknown-tag",
            "a YAML tag that graphs do not know",
            """
            A word that begins with '!' before a value is a tag: some tools use such words for types
            or functions of their own. In a graph the stage's declaration says what type a value
            has, so only YAML's own tags, such as '!!str', are read. Remove the tag; to take in
            another file, use 'include:'. A text that begins with '!' belongs in quotes.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate, rate: !fps 30/s }
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
            "too-many-values",
            "the file expands to more values than a graph can have",
            """
            A graph has 500 000 values at most, and uses aliases ten thousand times at most; an
            alias counts as all that it stands for, each time. The limit protects pipe from a small
            file that grows without end when aliases name aliases, as in the example, where five
            lines make a million numbers. Say in one value how much is wanted: 'items' in a feed,
            'stations' or 'replicas' for stages.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                tests:
                  - name: a million orders
                    expect: [{ books: balanced }]
                    feed:
                      orders:
                        values:
                          - &a [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
                          - &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
                          - &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
                          - &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
                          - [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                tests:
                  - name: a million orders
                    expect: [{ books: balanced }]
                    feed: { orders: { items: 1_000_000 } }
                """
        ),
        Explanation(
            "too-deep",
            "values are nested too deep",
            """
            Lists and mappings may stand inside each other 64 deep, and a graph needs about ten.
            More is a slip, such as a bracket key that was held down, or a file made to trouble its
            readers. Look for repeated brackets or indents at this place.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera:
                    type: generate
                    keys: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[left]
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                stages:
                  camera:
                    type: generate
                    keys: [left]
                  gate: { type: null, from: camera }
                """
        ),
    ]
}
