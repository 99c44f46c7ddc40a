extension Explanation {
    /// The graph as a whole: memory, copies, files and addresses.
    static let resources: [Explanation] = [
        Explanation(
            "memory-limit",
            "full links would hold more than 'limits.memory' allows",
            """
            pipe adds up what all links hold when they are full: the 'capacity' of each times the
            largest item that can come, for each station, or its 'max_bytes' where that is stated.
            The sum is above the limit that the graph sets for itself, so under load the run could
            go beyond it. The notes name the largest links. Give those a smaller 'capacity' or
            'max_bytes', or raise the limit.
            """,
            wrong: """
                pipe: 1
                limits: { memory: 16MiB }
                stages:
                  camera: { type: generate, padding: 1MiB }
                  gate: { type: null, from: camera }
                """,
            right: """
                pipe: 1
                limits: { memory: 16MiB }
                stages:
                  camera: { type: generate, padding: 1MiB }
                  gate: { type: null, from: { camera: { capacity: 8 } } }
                """
        ),
        Explanation(
            "station-mismatch",
            "stages with different stations meet",
            """
            A stage runs once for each station of those that feed it. Here two sets of stations come
            together, and nothing says which copy of the one belongs to which copy of the other.
            Give both the same stations, by number or by name. Or gather one side first by a stage
            that takes many links, such as merge: what follows it runs once.
            """,
            wrong: """
                pipe: 1
                stages:
                  left: { type: generate, stations: [north, south] }
                  right: { type: generate, stations: [north, south, west] }
                  pairs: { type: join, from: { left: { to: left }, right: { to: right } } }
                  gate: { type: null, from: pairs }
                """,
            right: """
                pipe: 1
                stages:
                  left: { type: generate, stations: [north, south] }
                  right: { type: generate, stations: [north, south] }
                  pairs: { type: join, from: { left: { to: left }, right: { to: right } } }
                  gate: { type: null, from: pairs }
                """
        ),
        Explanation(
            "too-many-copies",
            "a stage has more copies than allowed",
            """
            A stage runs in as many copies as its stations times its replicas, and each costs memory
            and attention. Both numbers look small alone, so pipe checks their product: 1024 are
            allowed unless 'limits: { copies: … }' says otherwise. Use fewer replicas or stations;
            replicas beyond the number of processor cores seldom help. If you do want so many, raise
            the limit.
            """,
            wrong: """
                pipe: 1
                stages:
                  camera: { type: generate, stations: 200 }
                  bright: { type: filter, from: camera, replicas: 8, where: light > 10 }
                  gate: { type: null, from: bright }
                """,
            right: """
                pipe: 1
                stages:
                  camera: { type: generate, stations: 200 }
                  bright: { type: filter, from: camera, replicas: 4, where: light > 10 }
                  gate: { type: null, from: bright }
                """
        ),
        Explanation(
            "same-address",
            "two stages listen on one address",
            """
            Only one can listen on a port of a machine, and the second would fail when the graph
            starts. Two stages state the same port, or one stage does so in each of its stations;
            the address 0.0.0.0 means all addresses of the machine, so it meets every other one.
            Give each a port of its own, with '${station}' in it where the copies of one stage must
            differ. Port 0 lets the system choose.
            """,
            wrong: """
                # In words, since no type of stage listens yet: suppose 'http_source' did.
                pipe: 1
                stages:
                  orders: { type: http_source, address: 127.0.0.1:8080 }
                  payments: { type: http_source, address: 0.0.0.0:8080 }
                  till: { type: null, from: [orders, payments] }
                """,
            right: """
                # With ports of their own: 127.0.0.1:8080 and 0.0.0.0:8081.
                pipe: 1
                stages:
                  orders: { type: generate }
                  payments: { type: generate }
                  till: { type: null, from: [orders, payments] }
                """
        ),
        Explanation(
            "same-path",
            "two stages write one file",
            """
            Two that write one file would mix their lines, or each would undo the work of the other.
            Two stages state the same path, or one stage does so in each of its stations. Give each
            a path of its own: '${station}' in it makes one for each copy. To get everything into
            one file, gather the items first by a stage of type merge. The same holds for a path of the
            run's page, such as '/video_feed': one stage serves it.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate, stations: [kitchen, bar] }
                  results: { type: jsonl_file, from: orders, path: out/orders.jsonl }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate, stations: [kitchen, bar] }
                  results: { type: jsonl_file, from: orders, path: "out/${station}.jsonl" }
                """
        ),
        Explanation(
            "missing-file",
            "a file that the graph reads is not there",
            """
            A stage reads this file, or the graph includes it, and it does not exist, is a
            directory, or may not be read. Relative paths start at the directory of the file that
            they are written in, not at the one you are in; the help says where pipe looked. Mend
            the path or make the file. Where the file is made later, or elsewhere,
            'pipe validate --offline' checks without looking at what stages read.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: file_lines, path: order.txt }    # its name is orders.txt
                  till: { type: null, from: orders }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: file_lines, path: orders.txt }
                  till: { type: null, from: orders }
                """,
            files: [("orders.txt", "soup\nbread\n")]
        ),
        Explanation(
            "not-writable",
            "a file cannot be written where the graph wants it",
            """
            Missing directories are made when the graph starts, so pipe looks at the nearest one
            that exists. Here you may not write to it, or what should be a directory is a file, or
            the path itself is a directory. Choose another path, or change the rights of the
            directory. 'pipe validate --offline' leaves this check out.
            """,
            wrong: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  # 'menu.txt' is a file, so nothing can be made in it.
                  results: { type: jsonl_file, from: orders, path: menu.txt/orders.jsonl }
                """,
            right: """
                pipe: 1
                stages:
                  orders: { type: generate }
                  results: { type: jsonl_file, from: orders, path: out/orders.jsonl }
                """,
            files: [("menu.txt", "soup, bread\n")]
        ),
        Explanation(
            "include-cycle",
            "a file includes itself",
            """
            The file takes in a file that takes in the first again, directly or by way of others, so
            the graph would never end. The finding shows the way round. Remove one of the includes;
            what both files need can move into a third. Includes also go no more than 8 deep and are
            no more than 256: to repeat a part of a graph, use 'stations'.
            """,
            wrong: """
                # Saved as graph.yaml.
                pipe: 1
                include: [{ file: graph.yaml }]
                stages:
                  orders: { type: generate }
                  till: { type: null, from: orders }
                """,
            right: """
                # Saved as graph.yaml.
                pipe: 1
                include: [{ file: kitchen.yaml }]
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
    ]
}
