extension Explanation {
    /// Filled-in values and params.
    static let fills: [Explanation] = [
        Explanation(
            "bad-fill",
            "a '${…}' that stands for nothing",
            """
            Four things can be filled in: '${params.NAME}', '${env.NAME}', '${secret.NAME}' and
            '${station}'. What stands between these braces is none of them, or the closing brace is
            missing. Most often 'params.' was left out before the name of a param. Where you need
            the two characters themselves, write '$${'.
            """,
            wrong: """
                pipe: 1
                params: { table: { type: string, default: window } }
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: "out/${table}.jsonl" }
                """,
            right: """
                pipe: 1
                params: { table: { type: string, default: window } }
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: "out/${params.table}.jsonl" }
                """
        ),
        Explanation(
            "unknown-param",
            "a param that is not declared",
            """
            Params are declared under 'params:' of the file that uses them, each with its type, so
            that a value from outside can be checked before it goes anywhere. This name is not
            there. Check the spelling, or declare the param. An included file sees only its own
            params, which the including graph sets by 'with'. The same code tells of a name in
            '--set', in 'with' or in a test's 'set' that the file does not declare.
            """,
            wrong: """
                pipe: 1
                params: { speed: { type: rate, default: 30/s } }
                stages:
                  camera: { type: generate, rate: "${params.sped}" }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                params: { speed: { type: rate, default: 30/s } }
                stages:
                  camera: { type: generate, rate: "${params.speed}" }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "missing-param",
            "a param that has no value",
            """
            A param without a default must be set by whoever uses the graph, and here nobody does.
            Set it by '--set params.NAME=VALUE', or, in an included file, by 'with' beside the
            file's name. If there is a value that suits most uses, make it the default: the graph
            then checks and runs without further words.
            """,
            wrong: """
                pipe: 1
                params: { speed: { type: rate } }
                stages:
                  camera: { type: generate, rate: "${params.speed}" }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                params: { speed: { type: rate, default: 30/s } }
                stages:
                  camera: { type: generate, rate: "${params.speed}" }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "unused-param",
            "a param that nothing uses",
            """
            The param is declared, and no '${params.NAME}' in the file stands for it. Someone who
            sets it would expect an effect and see none, so pipe warns. Write it where it was meant
            to stand, or remove the declaration. Often the value is still written out where the
            param was meant to stand, as it is here.
            """,
            wrong: """
                pipe: 1
                params: { speed: { type: rate, default: 30/s } }
                stages:
                  camera: { type: generate, rate: 30/s }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                params: { speed: { type: rate, default: 30/s } }
                stages:
                  camera: { type: generate, rate: "${params.speed}" }
                  gate: { type: null, from: camera }
                """
        ),
        Explanation(
            "unset-variable",
            "an environment variable that is not set",
            """
            '${env.NAME}' takes the value of a variable in the environment that pipe is started in,
            and there is none of this name. An empty text in its place could send data to the wrong
            directory, so pipe asks for a value. Set the variable, or state a default behind ':-'.
            'pipe validate --offline' does not look at variables.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: "${env.RESULTS}/orders.jsonl" }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: "${env.RESULTS:-out}/orders.jsonl" }
                """
        ),
        Explanation(
            "unset-secret",
            "a secret that is not set",
            """
            '${secret.NAME}' takes the value of the environment variable PIPE_SECRET_NAME, which
            pipe never prints, and that variable is not set. A secret has no default, since a
            default would stand in the file for all to read. Set the variable where pipe is started;
            'pipe validate --offline' checks without it. To try the graph before you have the
            secret, ask for less, as the right graph does.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  known: { type: filter, from: orders, where: 'token == "${secret.SHOP}"' }
                  till: { type: null, from: known }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  known: { type: filter, from: orders, where: has(token) }
                  till: { type: null, from: known }
                """
        ),
        Explanation(
            "exposed-secret",
            "a secret where others can read it",
            """
            A secret, from '${secret.NAME}' or a param of type secret, goes into a path or a text,
            and those are printed in reports, logs and listings of files. Or an option that takes a
            secret has it written out, for all who see the graph. Use it only in options of type
            secret or URL, and take something public for names and paths. A secret that has been
            printed or committed is known: replace it.
            """,
            wrong: """
                pipe: 1
                params: { shop: { type: secret, default: "${env.SHOP:-trial}" } }
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: "out/${params.shop}.jsonl" }
                """,
            right: """
                pipe: 1
                params: { shop: { type: string, default: corner } }
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: "out/${params.shop}.jsonl" }
                """
        ),
        Explanation(
            "no-station",
            "'${station}' in a part of the graph that has no stations",
            """
            '${station}' is the name of the copy at hand, in a part of the graph that 'stations'
            repeats. This stage is not in such a part: neither it nor a stage that feeds it states
            'stations', or a stage that gathers, such as merge or null, stands between. State
            'stations' where the copies begin, or remove '${station}'. Stages inherit their stations
            along the links.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: "out/${station}.jsonl" }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate, stations: [kitchen, bar] }
                  results: { type: jsonl_file, from: orders, path: "out/${station}.jsonl" }
                """
        ),
    ]
}
