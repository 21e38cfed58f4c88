//! Very many orders of few facts: the end is always the same.

use super::{World, begin, clusters, open, write};
use crate::rng::{Rng, scale, seeds};
use crate::store::{self, session, view};
use navedb::Retraction;
use navedb::dir::MemoryDir;

/// Orders of one story.
const ORDERS: usize = 50;

#[test]
fn every_order_of_a_story_ends_in_the_same_clusters_ids_and_golden_records() {
    for seed in seeds(70_000, scale(20, 400)) {
        let mut rng = Rng::new(seed);
        let mut world = World::random(&mut rng);
        world.facts.truncate(6 + rng.below(10));
        let disk = MemoryDir::new();
        begin(&disk, &world).close().unwrap();
        let mut first = None;
        for order in 0..ORDERS {
            let db = open(&store::copy(&disk));
            let mut facts: Vec<_> = world.facts.iter().enumerate().collect();
            rng.shuffle(&mut facts);
            // Some orders come record by record, some in batches.
            let most = 1 + rng.below(4);
            facts.chunks(most).for_each(|some| write(&db, &world, some));
            let found = (clusters(&db), view(&db).digest().unwrap());
            let first = first.get_or_insert_with(|| found.clone());
            assert_eq!(*first, found, "NAVE_SEED={seed}, order {order}: {facts:?}");
        }
    }
}

/// What is added and withdrawn again was never there, and what is split and linked again is as it was.
#[test]
fn there_and_back_is_where_it_was() {
    for seed in seeds(80_000, scale(30, 1_000)) {
        let mut rng = Rng::new(seed);
        let world = World::random(&mut rng);
        let said = format!("NAVE_SEED={seed}");
        let db = begin(&MemoryDir::new(), &world);
        let facts: Vec<_> = world.facts.iter().enumerate().collect();
        facts.iter().for_each(|fact| write(&db, &world, &[*fact]));
        let before = (clusters(&db), view(&db).digest().unwrap());
        let nodes: Vec<(&str, String)> =
            (0..4).map(|_| world.name(rng.below(world.each * super::NAMESPACES.len()))).collect();
        for (number, pair) in nodes.windows(2).enumerate() {
            let of = |(namespace, value): &(&str, String)| {
                format!(r#"{{"namespace":"{namespace}","value":"{value}"}}"#)
            };
            let (left, right) = (of(&pair[0]), of(&pair[1]));
            if left == right {
                continue;
            }
            let kind = *rng.pick(&["forbid", "unlink", "link"]);
            let rest = if kind == "link" { r#""kind":"manual","# } else { "" };
            let text = format!(
                r#"{{"type":"{kind}",{rest}"left":{left},"right":{right},"messageId":"d{number}",
                    "timestamp":"2024-03-09T00:00:00Z"}}"#
            );
            let receipt = store::say(&db, "desk", &text);
            assert!(receipt.broken.is_empty(), "{said}: {:?}", receipt.broken);
        }
        let back = Retraction::Source { source: "desk".to_owned(), from: None, to: None };
        let _ = session(&db).retract(&back);
        assert_eq!((clusters(&db), view(&db).digest().unwrap()), before, "{said}");
    }
}
