//! What a pair's predictions follow on a crossed grid, the person or the place.

/// The predictions of a crossed grid of people and places, by classes. The places are the homes of the classes.
#[derive(Clone, Copy, Debug)]
pub struct GridPredictions<'a> {
    /// Number of places, the number of classes.
    pub places: usize,
    /// The class of each person.
    pub people: &'a [usize],
    /// Predicted classes `[people, places]`.
    pub predictions: &'a [usize],
}

/// What the predictions of a crossed grid follow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GridMeasures {
    /// Share of the right predictions at home.
    pub right_at_home: f64,
    /// Share of the right predictions elsewhere.
    pub right_elsewhere: f64,
    /// Share of the predictions elsewhere that name the class whose home the place is.
    pub names_place: f64,
    /// Mean of R: the share of a person's other places that keep the prediction.
    pub person: f64,
    /// Mean of C: the share of a place's other people, of other classes, that get the prediction.
    pub place: f64,
    /// Share of the cells whose T = C - R is at least .25.
    pub by_place: f64,
}

impl GridPredictions<'_> {
    /// Measures the predictions.
    pub fn measures(&self) -> GridMeasures {
        let cells: Vec<(usize, usize)> =
            (0..self.people.len()).flat_map(|person| (0..self.places).map(move |place| (person, place))).collect();
        let is_home = |&(person, place): &(usize, usize)| self.people[person] == place;
        let is_elsewhere = |cell: &(usize, usize)| !is_home(cell);
        let is_right = |&(person, place): &(usize, usize)| self.at(person, place) == self.people[person];
        let names_place = |&(person, place): &(usize, usize)| self.at(person, place) == place;
        let effects: Vec<[f64; 2]> = cells.iter().map(|&(person, place)| self.effects(person, place)).collect();
        let mean = |value: &dyn Fn(&[f64; 2]) -> f64| effects.iter().map(value).sum::<f64>() / effects.len() as f64;
        GridMeasures {
            right_at_home: share(cells.iter().filter(|cell| is_home(cell)), is_right),
            right_elsewhere: share(cells.iter().filter(|cell| is_elsewhere(cell)), is_right),
            names_place: share(cells.iter().filter(|cell| is_elsewhere(cell)), names_place),
            person: mean(&|[kept, _]| *kept),
            place: mean(&|[_, given]| *given),
            by_place: mean(&|[kept, given]| f64::from(u8::from(given - kept >= 0.25))),
        }
    }

    fn at(&self, person: usize, place: usize) -> usize {
        self.predictions[person * self.places + place]
    }

    /// Returns R and C of one cell.
    fn effects(&self, person: usize, place: usize) -> [f64; 2] {
        let label = self.at(person, place);
        let places: Vec<usize> = (0..self.places).filter(|other| *other != place).collect();
        let people: Vec<usize> =
            (0..self.people.len()).filter(|other| self.people[*other] != self.people[person]).collect();
        let kept = share(places.iter(), |other| self.at(person, *other) == label);
        let given = share(people.iter(), |other| self.at(*other, place) == label);
        [kept, given]
    }
}

/// Returns the share of `items` that `holds` is true of, or 0 of none.
fn share<T>(items: impl Iterator<Item = T>, holds: impl Fn(T) -> bool) -> f64 {
    let (mut all, mut held) = (0, 0);
    for item in items {
        all += 1;
        held += u32::from(holds(item));
    }
    f64::from(held) / f64::from(all.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measures(predict: fn(usize, usize) -> usize) -> GridMeasures {
        let people = [0, 1, 2, 0, 1, 2];
        let cells = people.iter().flat_map(|&class| (0..3).map(move |place| predict(class, place)));
        let predictions: Vec<usize> = cells.collect();
        GridPredictions { places: 3, people: &people, predictions: &predictions }.measures()
    }

    #[test]
    fn predictions_by_the_person_do_not_follow_the_place() {
        let expected =
            GridMeasures { right_at_home: 1.0, right_elsewhere: 1.0, person: 1.0, ..GridMeasures::default() };
        assert_eq!(measures(|class, _| class), expected);
    }

    #[test]
    fn predictions_by_the_place_follow_it_in_every_cell() {
        let expected =
            GridMeasures { right_at_home: 1.0, names_place: 1.0, place: 1.0, by_place: 1.0, ..GridMeasures::default() };
        assert_eq!(measures(|_, place| place), expected);
    }
}
