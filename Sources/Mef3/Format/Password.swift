/// The sixteen bytes a password stands for: the low byte of each code point, filled with zeros.
///
/// The published text speaks of the last byte of the UTF-8 form. Files in the field follow the code points, and the
/// two agree for ASCII only.
struct Password: Sendable, Hashable {
    let unit: Unit

    init(_ text: String) throws(MefError) {
        let scalars = text.unicodeScalars
        guard !scalars.isEmpty else {
            throw MefError(.wrongPassword, "the password is empty, leave it out for a session without one")
        }
        guard scalars.count <= 15 else {
            throw MefError(.wrongPassword, "the password has \(scalars.count) characters, 15 is the most")
        }
        unit = Unit(scalars.map { UInt8(truncatingIfNeeded: $0.value) })
    }
}

/// The two password fields of a header, which tell whether a password is right without telling it.
struct PasswordFields: Sendable, Hashable {
    var level1: Unit
    var level2: Unit

    static let none = PasswordFields(level1: .zero, level2: .zero)

    init(level1: Unit, level2: Unit) {
        self.level1 = level1
        self.level2 = level2
    }

    init(level1: Password, level2: Password?) {
        self.level1 = Cipher.hash(level1.unit)
        self.level2 = level2.map { Cipher.hash($0.unit) ^ level1.unit } ?? .zero
    }

    var isProtected: Bool { level1 != .zero }

    /// The keys a password opens, or why it opens none.
    func unlock(_ text: String?) throws(MefError) -> Keys {
        guard isProtected else { return Keys() }
        guard let text else { throw MefError(.locked, "the session is protected, give its password") }
        let password = try Password(text).unit
        let hash = Cipher.hash(password)
        if hash == level1 { return Keys(level1: password) }
        let candidate = hash ^ level2
        if Cipher.hash(candidate) == level1 { return Keys(level1: candidate, level2: password) }
        throw MefError(.wrongPassword, "the password opens neither level of the session, check it")
    }
}

/// The keys at hand; level 2 includes level 1.
struct Keys: Sendable, Hashable {
    var level1: Unit?
    var level2: Unit?

    /// The highest level that can be read.
    var access: Int { level2 != nil ? 2 : level1 != nil ? 1 : 0 }

    func key(level: Int) throws(MefError) -> Unit {
        switch level {
        case 1: if let level1 { return level1 }
        case 2: if let level2 { return level2 }
        default: throw MefError(.damaged, "there is no encryption level \(level)")
        }
        throw MefError(.locked, "encrypted at level \(level), open the session with the level-\(level) password")
    }
}
