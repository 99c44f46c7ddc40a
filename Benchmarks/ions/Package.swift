// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that building the engine never builds it.
let package = Package(
    name: "ions-bench",
    dependencies: [.package(name: "pipe", path: "../..")],
    targets: [
        .executableTarget(
            name: "ions-bench",
            dependencies: [.product(name: "IonFit", package: "pipe"), .product(name: "PipeKit", package: "pipe")],
            swiftSettings: [.treatAllWarnings(as: .error)]
        )
    ],
    swiftLanguageModes: [.v6]
)
