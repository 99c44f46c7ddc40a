// swift-tools-version: 6.2
import PackageDescription

// A package of its own: a fuzz target has no main, so it builds only with the fuzzer. scripts/fuzz builds and runs it.
let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "pipe", path: "..")],
    targets: [
        .executableTarget(
            name: "FuzzGraph",
            dependencies: [
                .product(name: "PipeKit", package: "pipe"),
                .product(name: "PipeGraph", package: "pipe"),
                .product(name: "Basics", package: "pipe"),
            ]
        )
    ],
    swiftLanguageModes: [.v6]
)
