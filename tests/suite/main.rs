//! The tests of the whole engine, over its public API alone, in one binary so that it links once.
#![forbid(unsafe_code)]

mod ast;
mod audiences;
mod binary;
mod blocks;
mod calendar;
mod cdnow;
mod cli;
mod crash;
mod damage;
mod digests;
mod durability;
mod errors;
mod evaluate;
mod folding;
mod generator;
mod healing;
mod language;
mod language_children;
mod language_entities;
mod language_explain;
mod language_funnel;
mod language_values;
mod loading;
mod members;
mod oracle;
mod resp;
mod rng;
mod scratch;
mod slow_dir;
mod snapshots;
mod spills;
mod storage;
mod store;
mod truth;
mod workload;
