// swift-tools-version: 6.2
import PackageDescription

/// A target has no main, so it builds only with the fuzzer: scripts/fuzz builds and runs it.
func fuzz(_ name: String, _ products: String...) -> Target {
    .executableTarget(
        name: name,
        dependencies: products.map { .product(name: $0, package: "pipe") },
        swiftSettings: [.unsafeFlags(["-parse-as-library"]), .treatAllWarnings(as: .error)]
    )
}

let package = Package(
    name: "Fuzz",
    dependencies: [.package(name: "pipe", path: "..")],
    targets: [
        fuzz("FuzzCamera", "Camera"),
        fuzz("FuzzGraph", "PipeKit", "PipeGraph", "Basics"),
        fuzz("FuzzHTTP", "HTTPServer"),
        fuzz("FuzzMefBlock", "Mef3"),
        fuzz("FuzzMefSession", "Mef3"),
        fuzz("FuzzPackets", "Packets"),
        fuzz("FuzzPictures", "Camera"),
    ],
    swiftLanguageModes: [.v6]
)
