// swift-tools-version: 6.2
import PackageDescription

// A package of its own: a fuzz target has no main and links only with the fuzzer.
//
//     export SWIFT_BACKTRACE=enable=no
//     swift build -c release --sanitize=fuzzer --sanitize=address
//     .build/release/fuzz-block -max_total_time=600 -max_len=4096 <corpus directory>
let package = Package(
    name: "mef3-fuzz",
    dependencies: [.package(name: "pipe", path: "../..")],
    targets: ["fuzz-block", "fuzz-session"].map { name in
        .executableTarget(
            name: name,
            dependencies: [.product(name: "Mef3", package: "pipe")],
            swiftSettings: [.unsafeFlags(["-parse-as-library"]), .treatAllWarnings(as: .error)]
        )
    },
    swiftLanguageModes: [.v6]
)
