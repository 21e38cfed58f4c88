//! The saved segments in force, in the order in which they can be evaluated, and an index of what may change them.

use super::cursors::Cursors;
use crate::audience::{Effect, Prepared, Question, Rows, parse};
use crate::base::error::{Error, Result};
use crate::base::limits::SEGMENTS_MAX;
use crate::catalog::{Fields, folded, nearest};
use crate::definition::SegmentRule;
use crate::state::{Reader, Saved, State};
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A segment in force.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// What it says.
    pub says: SegmentRule,
    /// Its audience, or why it cannot be understood.
    pub prepared: std::result::Result<Prepared, Arc<str>>,
    /// How many segments stand below it, one in another.
    pub level: usize,
    /// Its place among the memberships.
    pub place: Option<usize>,
    /// Whether it holds for nobody, when that is the same at all moments.
    nobody: OnceCell<bool>,
}

impl Rule {
    /// Whether it may hold for somebody of whom nothing is known.
    pub fn may_hold_of_nobody(&self, reader: &Reader<'_>) -> bool {
        let Ok(prepared) = &self.prepared else { return false };
        // What has no answer for nobody may have one for somebody.
        let find = || prepared.holds_of_nobody(reader).unwrap_or(true);
        let always = prepared.reads.moves.others.is_empty();
        if always { *self.nobody.get_or_init(find) } else { find() }
    }
}

/// Events that may change segments: those that a condition holds for.
#[derive(Debug)]
pub struct Watch {
    /// Which events.
    pub rows: Rows,
    /// Whose, and what one more of them can do.
    pub rules: Vec<(usize, Effect)>,
}

/// The watches of an event type.
#[derive(Debug, Default)]
pub struct Watches {
    /// All of them.
    pub all: Vec<Watch>,
    /// By a property that must have a text: the places of the watches, by the text.
    pub keyed: BTreeMap<usize, HashMap<String, Vec<usize>>>,
    /// The places of the others.
    pub rest: Vec<usize>,
}

/// All segments in force.
#[derive(Debug, Default)]
pub struct Rules {
    /// In an order in which each stands behind those that it asks for.
    pub all: Vec<Rule>,
    /// By trait.
    pub by_trait: BTreeMap<usize, Vec<usize>>,
    /// By event type.
    pub by_event: BTreeMap<usize, Watches>,
    /// By entity type.
    pub by_entity: BTreeMap<usize, Vec<usize>>,
    /// By segment, in the folded form.
    pub by_segment: HashMap<String, Vec<usize>>,
    /// Those that ask about consents.
    pub consents: Vec<usize>,
    /// Those that ask for identifiers or ids.
    pub identity: Vec<usize>,
    /// Those that convert money.
    pub money: Vec<usize>,
    /// When time changes them.
    pub cursors: Cursors,
    /// Their places, by the folded name.
    places: HashMap<String, usize>,
    /// What their names and types were found in.
    print: u64,
}

/// Parses the audience of a segment, which selects profiles.
fn parsed(rule: &SegmentRule) -> Result<Arc<Question>> {
    parse(&rule.audience).map(Arc::new)
}

/// A number that is another when a name or a type is.
fn print_of(state: &State) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    let mut see = |fields: &Fields| {
        fields.all().len().hash(&mut hasher);
        for field in fields.all() {
            (field.value_type, field.money).hash(&mut hasher);
        }
    };
    let catalog = &state.catalog;
    see(catalog.traits());
    see(catalog.events());
    see(catalog.entities());
    (0..catalog.events().all().len()).filter_map(|n| catalog.properties(n)).for_each(&mut see);
    (0..catalog.entities().all().len()).filter_map(|n| catalog.entity_fields(n)).for_each(see);
    hasher.finish()
}

impl Rules {
    /// The rules of a state, which knows the segments by name already.
    pub fn of(state: &State) -> Rules {
        let saved = state.segment_rules();
        let mut all: Vec<Rule> = saved.into_iter().map(|saved| rule_of(saved, state)).collect();
        let levels = levels(&all);
        for (rule, level) in all.iter_mut().zip(&levels) {
            rule.level = level.unwrap_or_default();
            if level.is_none() {
                rule.prepared = Err("it stands in itself".into());
            }
        }
        all.sort_by_key(|rule| rule.level);
        let mut rules = Rules { all, print: print_of(state), ..Rules::default() };
        rules.index();
        rules
    }

    /// Whether they are still understood in the same way in a state with the same definitions.
    pub fn fit(&self, state: &State) -> bool {
        self.print == print_of(state)
    }

    /// The place of a segment.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.places.get(&folded(name)).copied()
    }

    fn index(&mut self) {
        let mut watches: BTreeMap<usize, Vec<Watch>> = BTreeMap::new();
        for (place, rule) in self.all.iter().enumerate() {
            self.places.insert(folded(&rule.name), place);
            let Ok(prepared) = &rule.prepared else { continue };
            let reads = &prepared.reads;
            for number in &reads.traits {
                self.by_trait.entry(*number).or_default().push(place);
            }
            for (rows, effect) in &reads.rows {
                let of_type = watches.entry(rows.event).or_default();
                match of_type.iter_mut().find(|watch| watch.rows == *rows) {
                    Some(watch) => watch.rules.push((place, *effect)),
                    None => {
                        let rules = vec![(place, *effect)];
                        of_type.push(Watch { rows: rows.clone(), rules });
                    }
                }
            }
            for number in &reads.entities {
                self.by_entity.entry(*number).or_default().push(place);
            }
            for name in &reads.segments {
                self.by_segment.entry(name.clone()).or_default().push(place);
            }
            for (is, list) in [
                (reads.consents, &mut self.consents),
                (reads.identity, &mut self.identity),
                (reads.money, &mut self.money),
            ] {
                if is {
                    list.push(place);
                }
            }
            self.cursors.add(place, &reads.moves);
        }
        self.by_event = watches.into_iter().map(|(event, all)| (event, Watches::of(all))).collect();
    }
}

impl Watches {
    fn of(all: Vec<Watch>) -> Watches {
        let mut watches = Watches::default();
        for (place, watch) in all.iter().enumerate() {
            match watch.rows.needed_text() {
                Some((property, text)) => {
                    let of_property = watches.keyed.entry(property).or_default();
                    of_property.entry(text.to_owned()).or_default().push(place);
                }
                None => watches.rest.push(place),
            }
        }
        watches.all = all;
        watches
    }
}

fn rule_of(saved: Saved<SegmentRule>, state: &State) -> Rule {
    let Saved { name, version, says } = saved;
    let prepared = parsed(&says).and_then(|question| Prepared::new(&question, state));
    let prepared = prepared.map_err(|e| e.message().into());
    let place = state.memberships.place(&name);
    Rule { name, version, says, prepared, level: 0, place, nobody: OnceCell::new() }
}

/// How many segments stand below each; nothing for those that stand in themselves.
fn levels(all: &[Rule]) -> Vec<Option<usize>> {
    let places: HashMap<String, usize> =
        all.iter().enumerate().map(|(place, rule)| (folded(&rule.name), place)).collect();
    let below = |rule: &Rule| -> Vec<usize> {
        let reads = rule.prepared.as_ref().map(|prepared| prepared.reads.segments.as_slice());
        reads.unwrap_or_default().iter().filter_map(|name| places.get(name).copied()).collect()
    };
    let below: Vec<Vec<usize>> = all.iter().map(below).collect();
    let mut levels: Vec<Option<usize>> = vec![None; all.len()];
    // Each round settles those whose segments are settled; what is left goes round in a circle.
    loop {
        let mut settled = Vec::new();
        for (place, asks) in below.iter().enumerate() {
            let levels_of = asks.iter().map(|asked| levels.get(*asked).copied().flatten());
            let known: Option<Vec<usize>> = levels_of.collect();
            if let (Some(known), Some(None)) = (known, levels.get(place)) {
                settled.push((place, known.iter().max().map_or(0, |most| most + 1)));
            }
        }
        if settled.is_empty() {
            return levels;
        }
        for (place, level) in settled {
            if let Some(slot) = levels.get_mut(place) {
                *slot = Some(level);
            }
        }
    }
}

/// Refuses definitions of segments and computed traits that cannot be: `state` has them already, and `before` not yet.
///
/// # Errors
/// `Invalid` when an audience is not understood, when segments stand in themselves, when something that was understood
/// no longer is, or a trait that is told is unknown; `Limit` when there are too many.
pub fn check(before: &State, state: &State) -> Result<()> {
    let saved = state.segment_rules();
    if saved.len() > SEGMENTS_MAX {
        return Err(Error::limit(format!("a store has at most {SEGMENTS_MAX} segments")));
    }
    check_names("segment", saved.iter().map(|segment| segment.name.as_str()))?;
    let computed = state.computed_traits();
    check_names("computed trait", computed.iter().map(|computed| computed.name.as_str()))?;
    let known: BTreeMap<String, SegmentRule> =
        before.segment_rules().into_iter().map(|known| (known.name, known.says)).collect();
    let mut trial = state.clone();
    let names: BTreeSet<&str> = saved.iter().map(|segment| segment.name.as_str()).collect();
    Arc::make_mut(&mut trial.memberships).keep(|name| names.contains(name));
    for segment in &saved {
        let was = known.get(&segment.name) == Some(&segment.says);
        check_segment(segment, was.then_some(before), &trial)?;
    }
    check_computed(before, &trial)?;
    let memberships = Arc::make_mut(&mut trial.memberships);
    for segment in &saved {
        if let Some(known) = memberships.get_mut(&segment.name) {
            known.version = known.version.max(1);
        }
    }
    let all: Vec<Rule> = saved.into_iter().map(|saved| rule_of(saved, &trial)).collect();
    let levels = levels(&all);
    let names = all.iter().zip(levels).filter(|(_, level)| level.is_none());
    let circle: Vec<String> = names.map(|(rule, _)| format!("'{}'", rule.name)).collect();
    if circle.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!("segments stand in themselves: {}", circle.join(", "))))
}

/// Refuses names that are told apart by their case alone: they are looked up in any case.
fn check_names<'n>(what: &str, names: impl Iterator<Item = &'n str>) -> Result<()> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        if let Some(other) = known.insert(folded(name), name) {
            let message =
                format!("{what} '{name}' is there as '{other}' already; names have no case");
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}

/// Refuses a segment that cannot be. `was` is the state in which it was defined in the same words, if it was.
fn check_segment(segment: &Saved<SegmentRule>, was: Option<&State>, state: &State) -> Result<()> {
    let name = &segment.name;
    let about = |says: &str, e: &Error| {
        let error = Error::new(e.kind(), format!("segment '{name}'{says}: {}", e.message()));
        e.place().map_or(error.clone(), |place| error.at(place))
    };
    let understood = |state| Prepared::new(&parsed(&segment.says)?, state);
    match (understood(state), was) {
        (Ok(_), _) => {}
        // What was not understood before is no worse now.
        (Err(_), Some(before)) if understood(before).is_err() => {}
        (Err(e), Some(_)) => return Err(about(" needs what is changed or dropped", &e)),
        (Err(e), None) => return Err(about("", &e)),
    }
    let (traits, computed) = (state.catalog.traits(), state.computed_traits());
    for told in segment.says.traits.iter().filter(|_| was.is_none()) {
        let is_computed = computed.iter().any(|known| folded(&known.name) == folded(told));
        if traits.find(told).is_none() && !is_computed {
            let names = traits.all().iter().map(|field| field.name.as_str());
            let near = nearest(told, names);
            let near = near.map_or(String::new(), |near| format!("; did you mean '{near}'?"));
            return Err(about("", &Error::invalid(format!("'{told}' is no trait{near}"))));
        }
    }
    Ok(())
}

/// Refuses computed traits that cannot be.
fn check_computed(before: &State, state: &State) -> Result<()> {
    let known = before.computed_traits();
    for computed in state.computed_traits() {
        let (name, text) = (&computed.name, format!("{} IS NULL", computed.says.value));
        let about =
            |e: Error| Error::new(e.kind(), format!("computed trait '{name}': {}", e.message()));
        let is_new = known.iter().all(|known| known.name != *name);
        if is_new && state.catalog.traits().find(name).is_some() {
            return Err(about(Error::invalid(
                "there is a trait of this name that sources send; choose another",
            )));
        }
        let question = parse(&text).map(Arc::new).map_err(about)?;
        Prepared::new(&question, state).map_err(about)?;
    }
    Ok(())
}
