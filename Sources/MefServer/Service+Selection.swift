/// The first generation's settings of a session: segments and selected channels.
extension Service {
    func setSegmentSize(_ request: Request, _ file: OpenFile) -> Reply.Answer {
        guard request.number > 0 else {
            let message = "a segment of \(request.number) seconds cannot be, give at least 1"
            return Reply.Answer(path: request.path, error: message)
        }
        file.seconds = request.number
        // The first segments are likely to be asked for next. Tiles do not depend on the length of segments, so none
        // become wrong.
        prepare(file, (0...Int64(configuration.prefetchAhead)).compactMap { file.segment($0) }, file.active)
        return Reply.Answer(path: request.path, number: file.segments)
    }

    func setActive(_ request: Request, _ file: OpenFile) -> Reply.Answer {
        let unknown = request.names.filter { file.index(of: $0) == nil }
        let known = request.names.compactMap { file.index(of: $0) }
        let selection = request.names.isEmpty ? Array(file.channels.indices) : known
        if let problem = Self.tooMany(names(selection, file), rows: selection.count) {
            return Reply.Answer(path: request.path, error: problem, names: names(file.active, file))
        }
        var message = ""
        if selection.isEmpty {
            message = "No valid channels in request. Invalid: \(Self.list(unknown))"
        } else {
            file.active = selection
            if !unknown.isEmpty { message = "Some channels do not exist: \(Self.list(unknown))" }
        }
        return Reply.Answer(path: request.path, error: message, names: names(file.active, file))
    }

    func names(_ selection: [Int], _ file: OpenFile) -> [UInt8] {
        selection.count == file.channels.count && selection == Array(file.channels.indices)
            ? file.info.nameBytes : OpenFile.bytes(selection.map { file.info.names[$0] })
    }

    /// Why a selection cannot be answered: each message repeats the names, and must stay below what clients take.
    static func tooMany(_ names: [UInt8], rows: Int) -> String? {
        guard rows <= 32768, names.count <= 1 << 20 else {
            return "too many channels at once: \(rows) with \(names.count) bytes of names, ask for fewer"
        }
        return nil
    }

    /// Names as the original writes them into its messages, at most as many as a person reads.
    static func list(_ names: [String]) -> String {
        func quoted(_ name: String) -> String {
            let mark = name.contains("'") && !name.contains("\"") ? "\"" : "'"
            var text = ""
            for character in name.prefix(256) {
                switch character {
                case "\\": text += "\\\\"
                case "\n": text += "\\n"
                case "\t": text += "\\t"
                case "\r": text += "\\r"
                case "'" where mark == "'": text += "\\'"
                default: text.append(character)
                }
            }
            return mark + text + mark
        }
        let shown = names.prefix(100).map(quoted) + (names.count > 100 ? ["…"] : [])
        return "[" + shown.joined(separator: ", ") + "]"
    }
}
