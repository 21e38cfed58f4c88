//! The saved segments in force, in the order in which they can be evaluated, and an index of what may change them.

use super::cursors::Cursors;
use crate::audience::{Amount, Effect, Prepared, Question, Rows, parse};
use crate::base::error::Result;
use crate::catalog::{Fields, folded};
use crate::definition::{ComputedTrait, SegmentRule};
use crate::state::{Reader, Saved, State};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

/// A segment in force.
#[derive(Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// What was saved.
    pub saved: Arc<Saved<SegmentRule>>,
    /// Its audience, or why it cannot be understood.
    pub prepared: std::result::Result<Prepared, Arc<str>>,
    /// How many segments stand below it, one in another.
    pub level: usize,
    /// Its place among the memberships.
    pub place: Option<usize>,
    /// Whether it holds for nobody, when that is the same at all moments.
    nobody: OnceLock<bool>,
    /// The rows of events that it looks at, as texts: equal ones are watched once.
    watched: Arc<[String]>,
}

impl Rule {
    fn new(
        saved: &Arc<Saved<SegmentRule>>,
        state: &State,
        prepared: std::result::Result<Prepared, Arc<str>>,
        watched: Arc<[String]>,
    ) -> Rule {
        let (name, saved) = (saved.name.clone(), Arc::clone(saved));
        let (version, place) = (saved.version, state.memberships.place(&name));
        Rule { name, version, saved, prepared, level: 0, place, nobody: OnceLock::new(), watched }
    }

    /// The same rule of a state with the same names, types and computed traits, unless it must be found anew.
    fn again(&self, state: &State) -> Option<Rule> {
        // Rates and currencies are no names.
        let prepared = self.prepared.as_ref().ok().filter(|prepared| !prepared.reads.money)?;
        prepared
            .reads
            .amounts
            .is_empty()
            .then(|| Rule::new(&self.saved, state, Ok(prepared.clone()), Arc::clone(&self.watched)))
    }

    /// Whether it is understood, and asks for no other segment and of no money.
    pub fn stands_alone(&self) -> bool {
        let reads = self.prepared.as_ref().ok().map(|prepared| &prepared.reads);
        reads.is_some_and(|reads| {
            reads.segments.is_empty() && reads.amounts.is_empty() && !reads.money
        })
    }

    /// Whether it is the same question as another, asked of the same names and types.
    pub fn is_same(&self, other: &Rule) -> bool {
        match (&self.prepared, &other.prepared) {
            (Ok(own), Ok(others)) => own.is_same(others),
            (Err(_), Err(_)) => true,
            _ => false,
        }
    }

    /// The segments that it asks for, in the folded form.
    pub fn asks(&self) -> &[String] {
        self.prepared.as_ref().map_or(&[], |prepared| prepared.reads.segments.as_slice())
    }

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
    /// How many of them an event is held against at most.
    pub most: usize,
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
    /// By the amount that they take for a number.
    pub amounts: BTreeMap<Amount, Vec<usize>>,
    /// When time changes them.
    pub cursors: Cursors,
    /// Their places, by the folded name.
    places: HashMap<String, usize>,
    /// What their names and types were found in.
    print: u64,
    /// The computed traits that are written out in them.
    computed: Vec<Arc<Saved<ComputedTrait>>>,
}

/// Parses the audience of a segment, which selects profiles.
pub(super) fn parsed(rule: &SegmentRule) -> Result<Arc<Question>> {
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
    /// The rules of a state, which knows the segments by name already. Of rules that were found before, those are taken
    /// over that would be found again.
    pub fn of(state: &State, before: &Rules) -> Rules {
        let computed: Vec<_> = state.computed_traits().cloned().collect();
        let print = print_of(state);
        let same = before.print == print && before.computed == computed;
        let of = |saved: &Arc<Saved<SegmentRule>>| {
            let known = before.find(&saved.name).and_then(|place| before.all.get(place));
            let known = known.filter(|known| same && known.saved == *saved);
            known.and_then(|known| known.again(state)).unwrap_or_else(|| rule_of(saved, state))
        };
        let mut all: Vec<Rule> = state.segment_rules().map(of).collect();
        let levels = levels(&below(all.iter().map(|rule| (rule.name.as_str(), rule.asks()))));
        for (rule, level) in all.iter_mut().zip(&levels) {
            rule.level = level.unwrap_or_default();
            if level.is_none() {
                rule.prepared = Err("it stands in itself".into());
            }
        }
        all.sort_by_key(|rule| rule.level);
        let mut rules = Rules { all, print, computed, ..Rules::default() };
        rules.index();
        rules
    }

    /// Some of the rules of a state, of which none asks for another.
    pub fn some_of(state: &State, wanted: &dyn Fn(&Rule) -> bool) -> Rules {
        let all = state.segment_rules().map(|saved| rule_of(saved, state)).filter(wanted).collect();
        let computed = state.computed_traits().cloned().collect();
        let mut rules = Rules { all, print: print_of(state), computed, ..Rules::default() };
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
        let mut known: HashMap<String, usize> = HashMap::new();
        for (place, rule) in self.all.iter().enumerate() {
            self.places.insert(folded(&rule.name), place);
            let Ok(prepared) = &rule.prepared else { continue };
            let reads = &prepared.reads;
            for number in &reads.traits {
                self.by_trait.entry(*number).or_default().push(place);
            }
            for ((rows, effect), text) in reads.rows.iter().zip(rule.watched.iter()) {
                let of_type = watches.entry(rows.event).or_default();
                match known.get(text).and_then(|at| of_type.get_mut(*at)) {
                    Some(watch) => watch.rules.push((place, *effect)),
                    None => {
                        known.insert(text.clone(), of_type.len());
                        let rules = vec![(place, *effect)];
                        of_type.push(Watch { rows: rows.clone(), rules });
                    }
                }
            }
            for amount in &reads.amounts {
                self.amounts.entry(*amount).or_default().push(place);
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
        let longest = watches.keyed.values().filter_map(|texts| texts.values().map(Vec::len).max());
        watches.most = watches.rest.len() + longest.sum::<usize>();
        watches.all = all;
        watches
    }
}

pub(super) fn rule_of(saved: &Arc<Saved<SegmentRule>>, state: &State) -> Rule {
    let prepared = parsed(&saved.says).and_then(|question| Prepared::new(&question, state));
    let prepared = prepared.map_err(|e| e.message().into());
    let rows = prepared.iter().flat_map(|of: &Prepared| &of.reads.rows);
    let watched = rows.map(|(rows, _)| format!("{rows:?}")).collect();
    Rule::new(saved, state, prepared, watched)
}

/// The places of the segments that each asks for, of names and of what they ask for.
pub(super) fn below<'r>(all: impl Iterator<Item = (&'r str, &'r [String])>) -> Vec<Vec<usize>> {
    let all: Vec<(&str, &[String])> = all.collect();
    let places: HashMap<String, usize> =
        all.iter().enumerate().map(|(place, (name, _))| (folded(name), place)).collect();
    let places =
        |asks: &[String]| asks.iter().filter_map(|asked| places.get(asked).copied()).collect();
    all.iter().map(|(_, asks)| places(asks)).collect()
}

/// How many segments stand below each, one in another; nothing for those that stand in themselves or above such.
pub(super) fn levels(below: &[Vec<usize>]) -> Vec<Option<usize>> {
    let mut levels: Vec<Option<usize>> = vec![None; below.len()];
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

/// For each segment that asks for a stalled one, itself or through others: which.
pub fn behind_stalled(state: &State) -> BTreeMap<String, String> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    if state.memberships.all().all(|segment| segment.stalled.is_none()) {
        return found;
    }
    // Each stands behind those that it asks for.
    for rule in Rules::of(state, &Rules::default()).all {
        let Ok(prepared) = &rule.prepared else { continue };
        let stalled = prepared.reads.segments.iter().find_map(|asked| {
            let asked = state.memberships.get(asked)?;
            let itself = asked.stalled.as_ref().map(|_| asked.name.clone());
            itself.or_else(|| found.get(&asked.name).cloned())
        });
        if let Some(stalled) = stalled {
            found.insert(rule.name, stalled);
        }
    }
    found
}

/// Whether a computed trait is NULL, as a question whose value can be asked for.
///
/// # Errors
/// `Invalid` when it is not understood in a state.
pub fn prepared_trait(says: &ComputedTrait, state: &State) -> Result<Prepared> {
    let question = parse(&format!("{} IS NULL", says.value))?;
    Prepared::new(&Arc::new(question), state)
}
