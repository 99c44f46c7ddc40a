// swift-tools-version: 6.2
import PackageDescription

func program(_ name: String, uses product: String) -> Target {
    .executableTarget(
        name: name,
        dependencies: [.product(name: product, package: "pipe")],
        swiftSettings: [.treatAllWarnings(as: .error)]
    )
}

// A package of its own, so that building the engine never builds it.
let package = Package(
    name: "mef3-bench",
    dependencies: [.package(name: "pipe", path: "../..")],
    targets: [
        program("mef3-bench", uses: "Mef3"),
        program("mef3-serve", uses: "MefServer"),
    ],
    swiftLanguageModes: [.v6]
)
