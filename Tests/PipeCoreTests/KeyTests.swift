import Testing

@testable import PipeCore

struct KeyTests {
    @Test(arguments: [
        "", "a", "\0", "north", "fifteen letters", "sixteen letters!", "größer", "日本語日本語", "🛰️🛰️🛰️🛰️",
        String(repeating: "x", count: 10_000),
    ])
    func `a key is its text`(text: String) {
        #expect(Key(text).text == text)
        #expect(Key(text) == Key(String(text.unicodeScalars.map(Character.init))))
        #expect(Key(text).isEmpty == text.isEmpty)
        #expect("\(Key(text))" == text)
    }

    @Test func `equal texts are equal keys, and others are others`() {
        let texts =
            (0..<500).map { "camera \($0)" } + (0..<500).map { "a camera with a long name \($0)" } + ["", "\0", "\0\0"]
        let keys = texts.map { Key($0) }
        #expect(Set(keys).count == texts.count)
        #expect(texts.map { Key($0) } == keys)
        #expect(keys.map(\.text) == texts)
    }

    @Test func `what stands in place ends with fifteen bytes`() {
        #expect(MemoryLayout<Key>.size == 16)
        #expect(Key("123456789012345").high >> 56 == 15)
        #expect(Key("1234567890123456").high >> 56 == 255)
        // Bytes count, not letters: 16 of them here.
        #expect(Key("éééééééé").high >> 56 == 255)
    }

    /// Texts that Swift holds for equal may differ in their bytes; a key keeps the bytes that it was made of.
    @Test(arguments: ["é", "é and a long name of a camera"])
    func `a key keeps its bytes`(composed: String) {
        let decomposed = String(
            composed.flatMap { $0 == "é" ? ["e", "\u{301}"] as [Unicode.Scalar] : Array($0.unicodeScalars) }.map(
                Character.init
            )
        )
        #expect(Array(Key(composed).text.utf8) == Array(composed.utf8))
        #expect(Array(Key(decomposed).text.utf8) == Array(decomposed.utf8))
    }

    /// In a process of its own, since the table is filled for as long as the program runs.
    @Test func `when the table is full a long key is shortened, and stays one of its own`() async {
        await #expect(processExitsWith: .success) {
            let early = Key("the first of all long keys")
            for number in 0..<70_000 { _ = Key("one of very many long keys \(number)") }
            let late = (0..<2000).map { Key("a long key that comes too late \($0)") }
            precondition(Set(late).count == 2000, "two texts became one key")
            precondition(late == (0..<2000).map { Key("a long key that comes too late \($0)") }, "a key has changed")
            precondition(late.allSatisfy { (2...15).contains($0.text.utf8.count) && $0.text.contains("~") })
            precondition(Key("日本語日本語日本語 \(1)").text.utf8.count <= 15)
            precondition(early == Key("the first of all long keys") && early.text == "the first of all long keys")
        }
    }
}
