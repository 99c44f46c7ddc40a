// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target here: Swift 6 mode, explicit existentials and imports, no warning left.
let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// The engine touches its stages' state some ten times a batch, and its schedule says that one thread does: checks of
/// exclusive access at run time cost 6 % of a chain of cheap stages. Debug builds, and so the tests, keep them.
let engine: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
]

func library(_ name: String, uses: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: uses, swiftSettings: house)
}

/// A plugin: `Plugins/<name>`, with one file a stage and `<name>.swift` listing them. The CLI's own list
/// (`Sources/pipe/Plugins.swift`) names it a second time; a test compares the two with the folders.
func stagePlugin(_ name: String, uses: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: ["PipeCore", "PipeKit"] + uses, path: "Plugins/\(name)", swiftSettings: house)
}

/// The tests of a target, in `Tests/<name>Tests`. Golden files and corpora beside them are read from the source tree.
func tests(of name: String, uses: [Target.Dependency] = [], reads folders: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.init(stringLiteral: name)] + uses,
        exclude: folders,
        swiftSettings: house
    )
}

// MEF 3 (multiscale electrophysiology format): a format library that knows nothing of the engine.
let mef3: [Target] = [
    // libcrypto of OpenSSL 3: AES-128 and SHA-256. Saves us hand-written cryptography.
    .systemLibrary(name: "COpenssl"),
    // The decoder's inner loop, for what Swift cannot tell the processor.
    .target(name: "CMef3"),
    .target(name: "Mef3", dependencies: ["CMef3", "COpenssl"], swiftSettings: house),
    .testTarget(
        name: "Mef3Tests",
        dependencies: ["Mef3", "COpenssl"],
        exclude: ["Fixtures", "pymef_peer.py"],
        swiftSettings: house
    ),
]

// The MEF 3 server: gRPC in C++ behind C, everything else in Swift; knows nothing of the engine either.
let mefServer: [Target] = [
    // grpc++ 1.51 and protobuf 3.21: HTTP/2, flow control, TLS and the messages. Saves us an HTTP/2 server.
    .target(
        name: "CMefGrpc",
        exclude: ["mef3_server.proto"],
        linkerSettings: ["grpc++", "grpc", "gpr", "protobuf", "absl_synchronization", "stdc++"].map {
            .linkedLibrary($0)
        }
    ),
    library("MefServer", uses: ["CLinux", "CMefGrpc", "Mef3"]),
    tests(of: "MefServer", uses: ["Mef3"], reads: ["mef_peer.py", "Certificate"]),
]

// Pictures of cameras, and ions in them: finding and fitting them, without the engine.
let ions: [Target] = [
    // Sums over pixels, compiled for three generations of processors: Swift compiles for one.
    .target(name: "CIonFit"),
    library("IonFit", uses: ["CIonFit"]),
    // Pictures of cameras as items, and the files that they come from.
    library("Frames", uses: ["PipeCore", "CTiff", "CTurboJPEG", "CZlib"]),
    // libturbojpeg 2.1: JPEG pictures, in the processor's vectors. Saves us a codec.
    .systemLibrary(name: "CTurboJPEG"),
    // libtiff 4.5: the many ways in which TIFF files hold a picture. Saves us a reader of each.
    .target(name: "CTiff", linkerSettings: [.linkedLibrary("tiff")]),
    // zlib 1.2.13: inflate and the checksums of PNG. Saves us a decompressor.
    .systemLibrary(name: "CZlib"),
    tests(of: "Frames", uses: ["PipeCore"]),
    tests(of: "IonFit", uses: ["Frames"], reads: ["Frames"]),
    tests(
        of: "Camera",
        uses: ["CLinux", "PipeCore", "PipeKit", "PipeTesting", "Frames", "IonFit", "Sockets"],
        reads: ["Pictures"]
    ),
    tests(of: "Ions", uses: ["PipeCore", "PipeKit", "PipeTesting", "Frames", "IonFit"]),
]

// The page of a run: a server that knows nothing of the engine, and what it serves.
let web: [Target] = [
    // libmicrohttpd 0.9.75: HTTP/1.1 with its parsing, limits and threads. Saves us an HTTP server.
    .systemLibrary(name: "CMicrohttpd"),
    library("HTTPServer", uses: ["CLinux", "CMicrohttpd"]),
    .target(
        name: "RunPage",
        dependencies: ["HTTPServer", "PipeCore", "PipeKit", "PipeGraph"],
        exclude: ["Page"],  // PageFiles.swift holds them
        swiftSettings: house
    ),
    // A client for the tests of both: a plain socket.
    .target(name: "HTTPTestClient", path: "Tests/HTTPTestClient", swiftSettings: house),
    tests(of: "HTTPServer", uses: ["CLinux", "HTTPTestClient"]),
    tests(
        of: "RunPage",
        uses: ["HTTPServer", "HTTPTestClient", "Basics", "Frames", "PipeCore", "PipeGraph", "PipeKit", "Web"],
        reads: ["metrics_peer.py"]
    ),
    tests(of: "Web", uses: ["Frames", "PipeCore", "PipeKit", "PipeTesting"]),
]

// Talking to a run from outside: the control socket, and its clients.
let control: [Target] = [
    library("RunControl", uses: ["CLinux", "PipeCore", "PipeGraph", "PipeKit", "Sockets"]),
    tests(of: "RunControl", uses: ["Basics", "PipeCore", "PipeGraph", "PipeKit", "Sockets"]),
]

// Spans of items for a collector.
let otlp: [Target] = [
    // libcurl 7.88: HTTP and HTTPS with connections that stay, deadlines and proxies. Saves us an HTTP client.
    .systemLibrary(name: "CCurl"),
    library("OTLP", uses: ["CCurl", "PipeCore"]),
]

// One line a plugin.
let plugins = [
    stagePlugin("Basics"),
    stagePlugin("Camera", uses: ["CLinux", "Frames", "Sockets"]),
    stagePlugin("Ions", uses: ["Frames", "IonFit"]),
    stagePlugin("Mef", uses: ["Mef3", "MefServer"]),
    stagePlugin("Packets", uses: ["CLinux", "CTLS", "Sockets"]),
    stagePlugin("Web", uses: ["Frames"]),
]

let package = Package(
    name: "pipe",
    products: [
        .executable(name: "pipe", targets: ["pipe"]),
        // Benchmarks and fuzz targets are packages of their own, and need these as products.
        .library(name: "PipeKit", targets: ["PipeCore", "PipeKit"]),
        .library(name: "PipeGraph", targets: ["PipeGraph"]),
        // What the tests of a plugin import.
        .library(name: "PipeTesting", targets: ["PipeTesting"]),
        .library(name: "Basics", targets: ["Basics"]),
        .library(name: "Camera", targets: ["Camera", "Frames"]),
        .library(name: "HTTPServer", targets: ["HTTPServer"]),
        .library(name: "IonFit", targets: ["IonFit", "Frames"]),
        .library(name: "Packets", targets: ["Packets"]),
        .library(name: "Mef3", targets: ["Mef3"]),
        .library(name: "MefServer", targets: ["MefServer"]),
    ],
    targets: [
        // libyaml 0.2.5: a complete YAML 1.1 reader with a mark on every event. Saves us a YAML parser.
        .systemLibrary(name: "CYaml"),
        // Thread names, timer slack, epoll and more of the kernel that Swift's Glibc module leaves out.
        .target(name: "CLinux"),
        // Sockets that do not block, and who calls on them: what the servers of several plugins share.
        library("Sockets", uses: ["CLinux", "PipeCore", "PipeKit"]),
        // libssl of OpenSSL 3: TLS connections. Saves us TLS.
        .systemLibrary(name: "CTLS"),
        .target(name: "PipeCore", dependencies: ["CLinux"], swiftSettings: house + engine),
        library("PipeKit", uses: ["PipeCore"]),
        library("PipeGraph", uses: ["PipeCore", "PipeKit", "CYaml"]),
        library("PipeTesting", uses: ["PipeCore", "PipeKit", "PipeGraph"]),
        .executableTarget(
            name: "pipe",
            dependencies: [
                "HTTPServer", "Mef3", "MefServer", "OTLP", "PipeCore", "PipeKit", "PipeGraph", "RunControl", "RunPage",
            ]
                + plugins.map { .init(stringLiteral: $0.name) },
            swiftSettings: house
        ),
        tests(of: "PipeCore"),
        tests(of: "PipeKit", uses: ["PipeCore", "PipeTesting"]),
        tests(
            of: "PipeGraph",
            uses: ["PipeCore", "PipeKit", "PipeTesting", "Basics", "Camera", "Ions", "Mef", "Packets", "Web"],
            reads: ["Corpus", "Golden"]
        ),
        tests(of: "PipeTesting", uses: ["PipeCore", "PipeKit"]),
        tests(of: "Basics", uses: ["PipeCore", "PipeKit", "PipeTesting"]),
        tests(
            of: "Mef",
            uses: ["Mef3", "PipeCore", "PipeKit", "PipeTesting"],
            reads: ["Expected", "filters_expected.py", "edf_peer.py"]
        ),
        tests(of: "Packets", uses: ["CLinux", "PipeCore", "PipeKit", "PipeGraph", "PipeTesting", "Sockets"]),
        .testTarget(
            name: "PipeTests",
            dependencies: ["pipe", "PipeCore", "PipeGraph", "PipeKit"],
            swiftSettings: house
        ),
    ] + plugins + ions + mef3 + mefServer + web + control + otlp,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
