//! A column over parts, chunk by chunk.

use super::bins::Bins;
use super::direct::Direct;
use super::extent::{Extent, of_layer};
use super::key::Domain;
use super::labels::Labels;
use crate::base::bits::Bits;
use crate::base::error::Result;
use crate::base::part::{BlockKey, Part};
use crate::base::value::ValueType;
use crate::column::{BlockView, Dictionary, RowsByCode, block_of};
use std::sync::{Arc, OnceLock};

/// What one part has of a column.
#[derive(Debug)]
pub(super) struct Share {
    pub dictionary: Dictionary,
    pub rows: Option<RowsByCode>,
}

/// A block of a chunk, and the rows that it decides.
#[derive(Debug)]
pub(super) struct Tier {
    pub share: usize,
    pub view: BlockView,
    /// The rows that no newer block of the layer tells of; none where it is alone and decides all that it tells of.
    pub own: Option<Box<Bits>>,
    /// The rows that have a value, where they do not simply follow one another.
    present: OnceLock<Box<Bits>>,
}

impl Tier {
    fn new(share: usize, view: BlockView) -> Tier {
        Tier { share, view, own: None, present: OnceLock::new() }
    }

    /// Makes `rows` those that have a value in the block.
    pub fn present(&self, rows: &mut Bits) {
        if self.view.begins().is_some() && self.view.null_bits().is_none() {
            return self.view.present_rows(rows);
        }
        rows.copy_from(self.present.get_or_init(|| {
            let mut found = Bits::boxed();
            self.view.present_rows(&mut found);
            found
        }));
    }
}

/// A column over some parts of a snapshot that stand beside each other.
#[derive(Debug, Default)]
pub struct Layer {
    pub(super) shares: Vec<Share>,
    /// The blocks of each chunk, the newest first.
    pub(super) chunks: Vec<Vec<Tier>>,
    /// Whether no row is told of twice.
    pub(super) alone: bool,
    bins: OnceLock<Bins>,
    /// The least and the greatest key of a domain.
    extent: OnceLock<(Domain, Extent)>,
}

impl Layer {
    /// A column over parts, the oldest first.
    ///
    /// # Errors
    /// `Corrupt` when a block does not hold.
    pub fn new<'p>(
        parts: impl DoubleEndedIterator<Item = &'p Arc<Part>>,
        key: BlockKey,
    ) -> Result<Layer> {
        let mut layer = Layer { alone: true, ..Layer::default() };
        for part in parts.rev() {
            let share = layer.shares.len();
            let before = layer.chunks.iter().map(Vec::len).sum::<usize>();
            for block in part.keys_from(key).take_while(|other| other.chunk(0) == key) {
                let Some(view) = block_of(part, block)? else { continue };
                let chunk = block.chunk as usize;
                if layer.chunks.len() <= chunk {
                    layer.chunks.resize_with(chunk + 1, Vec::new);
                }
                if let Some(tiers) = layer.chunks.get_mut(chunk) {
                    tiers.push(Tier::new(share, view));
                }
            }
            if layer.chunks.iter().map(Vec::len).sum::<usize>() > before {
                let dictionary = Dictionary::open(part, key)?;
                layer.shares.push(Share { dictionary, rows: RowsByCode::open(part, key)? });
            }
        }
        for tiers in &mut layer.chunks {
            layer.alone &= own(tiers);
        }
        Ok(layer)
    }

    /// The same with a place for each row where one block tells of a chunk; to be laid under others alone, since it
    /// tells of all rows then.
    ///
    /// # Errors
    /// Whatever writing in memory may say.
    pub fn spread(mut self) -> Result<Layer> {
        for tiers in &mut self.chunks {
            if let [tier] = tiers.as_mut_slice()
                && let Some(spread) = tier.view.spread()?
            {
                tier.view = spread;
            }
        }
        Ok(self)
    }

    /// Whether no part of it tells of anything.
    pub fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// The bins of its numbers, which are of a domain; made when they are first asked for.
    pub(super) fn bins(&self, domain: Domain) -> Option<&Bins> {
        let bins = self.bins.get_or_init(|| Bins::new(self, domain));
        (bins.domain == domain).then_some(bins)
    }

    /// The least and the greatest of its keys, which are of a domain; found when they are first asked for.
    pub(super) fn extent(&self, domain: Domain) -> Extent {
        let (known, extent) = self.extent.get_or_init(|| (domain, of_layer(self, domain)));
        if *known == domain { *extent } else { of_layer(self, domain) }
    }

    pub(super) fn tiers(&self, chunk: u32) -> &[Tier] {
        self.chunks.get(chunk as usize).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Finds which rows each block of a chunk decides; says whether no row is told of twice.
fn own(tiers: &mut [Tier]) -> bool {
    if tiers.len() < 2 {
        return true;
    }
    let (mut told, mut alone) = (Bits::empty(), true);
    for tier in tiers {
        let mut rows = Bits::boxed();
        tier.view.tell(&mut rows);
        alone &= rows.and_count(&told) == 0;
        let all = rows.clone();
        rows.and_not(&told);
        told.or(&all);
        tier.own = Some(rows);
    }
    alone
}

/// One column over the parts of a snapshot.
#[derive(Debug)]
pub struct ColumnIndex {
    /// That of the files.
    pub(super) base: Arc<Layer>,
    /// That of the parts in memory, which are newer.
    pub(super) over: Layer,
    /// The rows of each chunk that parts in memory tell of.
    pub(super) told: Vec<Option<Box<Bits>>>,
    wanted: Option<ValueType>,
    domain: Option<Domain>,
    labels: OnceLock<Option<Labels>>,
}

impl ColumnIndex {
    /// A column whose values are given in a type.
    pub fn new(base: Arc<Layer>, over: Layer, wanted: Option<ValueType>) -> ColumnIndex {
        let told = over.chunks.iter().map(|tiers| {
            let mut rows = (!tiers.is_empty()).then(Bits::boxed)?;
            tiers.iter().for_each(|tier| tier.view.tell(&mut rows));
            Some(rows)
        });
        let told = told.collect();
        let domain = wanted.and_then(|wanted| Domain::of(wanted, [base.as_ref(), &over]));
        ColumnIndex { base, over, told, wanted, domain, labels: OnceLock::new() }
    }

    /// The type of its values.
    pub fn value_type(&self) -> Option<ValueType> {
        self.wanted
    }

    /// The order of its values as keys; nothing when some have none.
    pub fn domain(&self) -> Option<Domain> {
        self.domain
    }

    /// The most texts that a part has of it: it has as many values at least.
    pub fn texts(&self) -> usize {
        let shares = self.base.shares.iter().chain(&self.over.shares);
        shares.map(|share| share.dictionary.len() as usize).max().unwrap_or(0)
    }

    /// What a function says of the texts of each part, of the files and of the parts in memory.
    pub fn each_dictionary<T>(&self, mut see: impl FnMut(&Dictionary) -> T) -> [Vec<T>; 2] {
        [self.base.as_ref(), &self.over]
            .map(|layer| layer.shares.iter().map(|share| see(&share.dictionary)).collect())
    }

    /// Its values, when they are texts or truths; numbered when they are first asked for.
    pub fn labels(&self) -> Option<&Labels> {
        self.labels.get_or_init(|| Labels::new(self)).as_ref()
    }

    /// How many chunks it tells of.
    pub fn chunks(&self) -> u32 {
        u32::try_from(self.base.chunks.len().max(self.over.chunks.len())).unwrap_or(u32::MAX)
    }

    pub(super) fn told(&self, chunk: u32) -> Option<&Bits> {
        self.told.get(chunk as usize)?.as_deref()
    }

    /// Shows the blocks of a chunk, the newest first, with `rows`, made by `fill` for each; adds what they decide.
    pub(super) fn gather(
        &self,
        chunk: u32,
        rows: &mut Bits,
        mut fill: impl FnMut(Side, &Tier, &mut Bits),
    ) {
        rows.clear();
        let told = self.told(chunk);
        let (base, over) = (self.base.tiers(chunk), self.over.tiers(chunk));
        if let ([tier], None) = (base, told) {
            return fill(Side::Base, tier, rows);
        }
        let mut found = Bits::empty();
        for tier in base {
            fill(Side::Base, tier, &mut found);
            if let Some(own) = &tier.own {
                found.and(own);
            }
            rows.or(&found);
        }
        if let Some(told) = told {
            rows.and_not(told);
        }
        for tier in over {
            fill(Side::Over, tier, &mut found);
            if let Some(own) = &tier.own {
                found.and(own);
            }
            rows.or(&found);
        }
    }

    /// Makes `rows` the rows of a chunk that have a value.
    pub fn present(&self, chunk: u32, rows: &mut Bits) {
        self.gather(chunk, rows, |_, tier, rows| tier.present(rows));
    }

    /// The block that decides a row, and the slot in it, when the row is not NULL.
    #[inline]
    pub(super) fn place(&self, chunk: u32, row: u16) -> Option<(Side, &Tier, usize)> {
        let over = self.over.tiers(chunk).iter().map(|tier| (Side::Over, tier));
        let base = self.base.tiers(chunk).iter().map(|tier| (Side::Base, tier));
        let mut found = over.chain(base).filter_map(|(side, tier)| {
            tier.view.slot(u32::from(row)).map(|slot| (side, tier, slot))
        });
        found.next().filter(|(_, tier, slot)| !tier.view.is_null(*slot))
    }

    /// The block of a chunk that decides all its rows, when there is one, with a slot for each row from the first on.
    pub fn only(&self, chunk: u32) -> Option<&BlockView> {
        match (self.base.tiers(chunk), self.told(chunk)) {
            ([tier], None) => Some(&tier.view).filter(|view| view.begins() == Some(0)),
            _ => None,
        }
    }

    /// The numbers of a chunk in place, when one block has all of them.
    pub fn direct(&self, chunk: u32) -> Option<Direct<'_>> {
        Direct::new(self.domain?, self.only(chunk)?)
    }

    /// Shows the values of some rows of a chunk, block by block: the row, the block that decides it, and the slot in
    /// it. NULL is not shown.
    pub fn each_value<'c>(
        &'c self,
        chunk: u32,
        rows: &Bits,
        mut see: impl FnMut(u16, &'c BlockView, usize),
    ) {
        let over = self.over.tiers(chunk).iter().map(|tier| (tier, None));
        let base = self.base.tiers(chunk).iter().map(|tier| (tier, self.told(chunk)));
        let mut asked = Bits::empty();
        for (tier, newer) in over.chain(base) {
            let view = &tier.view;
            asked.copy_from(rows);
            tier.own.iter().for_each(|own| asked.and(own));
            newer.iter().for_each(|newer| asked.and_not(newer));
            let mut show = |row: u16, slot: usize| {
                if !view.is_null(slot) {
                    see(row, view, slot);
                }
            };
            if view.begins().is_some() {
                asked.each(|row| view.slot(u32::from(row)).into_iter().for_each(|s| show(row, s)));
                continue;
            }
            // A listed block has its rows in order: to go through all is quicker than to look for each.
            for slot in 0..view.count() {
                let row = (view.row(slot) & 0xffff) as u16;
                if asked.contains(row) {
                    show(row, slot);
                }
            }
        }
    }

    /// The block that decides a row, and the slot in it, when the row is not NULL.
    #[inline]
    pub fn find(&self, chunk: u32, row: u16) -> Option<(&BlockView, usize)> {
        self.place(chunk, row).map(|(_, tier, slot)| (&tier.view, slot))
    }
}

/// Which of both layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Base,
    Over,
}
