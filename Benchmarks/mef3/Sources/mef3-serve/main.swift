import Glibc
import MefServer

// mef3-serve <root> <address> [<windows read ahead> [<cache in MiB>]]
// Serves the sessions below a root until the standard input ends, then prints what it did. Takes the environment names
// of the original servers first, such as TILE_DURATION_S.

func environment() -> [String: String] {
    let names = ["TILE_DURATION_S", "TILE_CACHE_MB", "MAX_WORKERS", "N_PREFETCH"]
    return Dictionary(uniqueKeysWithValues: names.compactMap { name in getenv(name).map { (name, String(cString: $0)) } })
}

func serve() -> Int32 {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3 else {
        print("usage: mef3-serve <root> <address> [<windows read ahead> [<cache in MiB>]]")
        return 2
    }
    var configuration = Configuration(roots: [arguments[1]])
    do {
        try configuration.apply(environment: environment())
    } catch {
        print(error)
        return 2
    }
    configuration.address = arguments[2]
    if arguments.count > 3, let ahead = Int(arguments[3]) { configuration.prefetchAhead = ahead }
    if arguments.count > 4, let size = Int(arguments[4]) { configuration.cacheBytes = size << 20 }
    do {
        let server = try MefServer(configuration)
        print("listening on port \(server.port)")
        fflush(nil)
        while readLine() != nil {}
        print(server.statistics)
        return server.stop(within: .seconds(5)) ? 0 : 1
    } catch {
        print(error)
        return 1
    }
}

exit(serve())
