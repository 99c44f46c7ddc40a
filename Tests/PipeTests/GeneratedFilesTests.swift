import PipeCore
import PipeGraph
import PipeKit
import Testing

@testable import pipe

/// Committed files that are made of declarations are what the declarations make today.
struct GeneratedFilesTests {
    private func committed(_ path: String) throws -> String {
        try SourceText(path: "\(projectFolder)/\(path)").text
    }

    @Test(arguments: [("graph", false), ("fragment", true)])
    func `the schema is up to date`(name: String, isFragment: Bool) throws {
        let text = Schema(pipeCatalogue).document(ofFragment: isFragment).text(pretty: true) + "\n"
        #expect(try committed("schemas/\(name).schema.json") == text, "run scripts/generate")
    }

    @Test(arguments: Command.referencePages.map(\.path))
    func `the page is up to date`(path: String) throws {
        let page = try #require(Command.referencePages.first { $0.path == path })
        #expect(try committed("docs/\(path)") == page.text, "run scripts/generate")
    }

    @Test func `every plugin folder is in the list, and every stage file in its plugin`() throws {
        let folders = try names(in: "\(projectFolder)/Plugins")
        #expect(folders.sorted() == pipePlugins.map(\.name).sorted())
        for plugin in pipePlugins {
            let files = try names(in: "\(projectFolder)/Plugins/\(plugin.name)").filter { file in
                try committed("Plugins/\(plugin.name)/\(file)").contains("static let info = StageInfo(")
            }
            #expect(files.count == plugin.stages.count, "Plugins/\(plugin.name) holds a stage that its list does not")
        }
    }
}
