import Frames
import Glibc
import PipeCore

/// Ions in a row, each about its place: they wander, are lost, and are loaded again.
struct SimulatedTrap {
    private struct Place {
        var x: Double
        var wandered = (x: 0.0, y: 0.0)
        /// Seconds until there is an ion again.
        var empty = 0.0
    }

    private let light: IonLight
    private let drift: Double
    private let reload: Double
    private let step: Double
    /// In a step.
    private let lossProbability: Double
    /// What of a wandering is left after a step.
    private let memory: Double
    private var places: [Place]
    private var chance: RandomSource
    /// How long it takes an ion to forget where it was, in seconds.
    private static let forgetting = 5.0

    init(
        ions: Int,
        _ light: IonLight,
        across width: Double,
        drift: Double,
        loss: Double,
        reload: Double,
        step: Double,
        _ chance: RandomSource
    ) {
        self.light = light
        self.drift = drift
        self.reload = reload
        self.step = step
        self.chance = chance
        lossProbability = 1 - exp(-loss * step)
        memory = exp(-step / Self.forgetting)
        places = (0..<ions).map { Place(x: width * (Double($0) + 0.5) / Double(ions)) }
    }

    /// The light of the next frame.
    mutating func next() -> [IonLight] {
        let kick = drift * (1 - memory * memory).squareRoot()
        for number in places.indices {
            places[number].wandered.x = memory * places[number].wandered.x + kick * chance.normal()
            places[number].wandered.y = memory * places[number].wandered.y + kick * chance.normal()
            if places[number].empty > 0 {
                places[number].empty -= step
            } else if lossProbability > 0, chance.share() < lossProbability {
                places[number].empty = reload
            }
        }
        return places.filter { $0.empty <= 0 }
            .map { place in
                var light = light
                light.x = place.x + place.wandered.x
                light.y += place.wandered.y
                return light
            }
    }
}
