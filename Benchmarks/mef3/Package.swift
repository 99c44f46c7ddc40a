// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that building the engine never builds it.
let package = Package(
    name: "mef3-bench",
    dependencies: [.package(name: "pipe", path: "../..")],
    targets: [
        .executableTarget(
            name: "mef3-bench",
            dependencies: [.product(name: "Mef3", package: "pipe")],
            path: "Sources",
            swiftSettings: [.treatAllWarnings(as: .error)]
        )
    ],
    swiftLanguageModes: [.v6]
)
