//! Writes a clearly synthetic set of people with planted truth, for `bench/people.py`.
//!
//! ```text
//! cargo run --release -p nave-bench --example people -- FOLDER PEOPLE [SEED]
//! ```
//!
//! Nothing in it is anybody's: names, streets and towns are built of syllables, e-mail addresses end in `example.org`
//! or `.invalid`, and telephone numbers begin with +999, a country code that the ITU has given to nobody (the numbers
//! kept for fiction, such as 07700 900xxx, are too few for a million people). The same seed and number give the same
//! bytes.
//!
//! | file | what |
//! |---|---|
//! | `crm.csv` | exports of a CRM: customer numbers, names, addresses, e-mail, telephone |
//! | `shop.ndjson` | accounts of a web shop |
//! | `web.ndjson` | visits with cookies that expire, some with a login |
//! | `app.ndjson` | devices: telephones, tablets of families, kiosks in shops |
//! | `places.ndjson` | what a vendor says of devices that are in the same places |
//! | `corrections.ndjson` | e-mails and telephones given up, pairs that are not one person |
//! | `definitions.toml`, `rules.toml` | as an operator would write them, without knowing the truth |
//! | `truth.csv` | whose each identifier is |
//! | `links.csv` | pairs of identifiers that were planted, by kind, and whether they are of one person |

#[path = "people/apart.rs"]
mod apart;
#[path = "people/chance.rs"]
mod chance;
#[path = "people/crm.rs"]
mod crm;
#[path = "people/files.rs"]
mod files;
#[path = "people/household.rs"]
mod household;
#[path = "people/mistakes.rs"]
mod mistakes;
#[path = "people/online.rs"]
mod online;
#[path = "people/words.rs"]
mod words;

use chance::Chance;
use files::Files;
use household::{Person, Released};
use std::collections::VecDeque;
use std::error::Error;
use std::path::Path;
use words::Words;

/// All that is written, and what one household leaves to the next.
struct World {
    chance: Chance,
    words: Words,
    files: Files,
    /// How many people there will be.
    people: usize,
    households: usize,
    customers: usize,
    accounts: usize,
    mailboxes: usize,
    telephones: usize,
    /// Telephone numbers that somebody gave up and nobody has yet.
    released: VecDeque<Released>,
    /// An account of another household: its owner may log in with a cookie of somebody else.
    guest: Option<(usize, String)>,
    /// The last account that each kiosk has seen, and the last customer of each agency and test value.
    crowds: std::collections::HashMap<String, String>,
}

impl World {
    fn new(folder: &Path, people: usize, seed: u64) -> std::io::Result<World> {
        let mut chance = Chance(seed);
        Ok(World {
            words: Words::build(&mut chance, people),
            chance,
            files: Files::create(folder)?,
            people,
            households: 0,
            customers: 0,
            accounts: 0,
            mailboxes: 0,
            telephones: 0,
            released: VecDeque::new(),
            guest: None,
            crowds: std::collections::HashMap::new(),
        })
    }

    fn household(&mut self, first: usize) -> std::io::Result<usize> {
        let mut members = self.members(first);
        self.households += 1;
        self.crm(&mut members)?;
        self.shop(&mut members)?;
        self.web(&members)?;
        self.app(&members)?;
        self.apart(&members)?;
        self.tell(&members)?;
        Ok(members.len())
    }

    /// Writes whose the identifiers of a household are that more than one source may know.
    fn tell(&mut self, members: &[Person]) -> std::io::Result<()> {
        let mut told = Vec::new();
        for person in members {
            for mail in &person.mails {
                if !told.contains(&mail.value) {
                    self.files.truth("email", &mail.value, person, mail.kind)?;
                    told.push(mail.value.clone());
                }
            }
            for phone in &person.phones {
                // Who has a number after somebody else is not told again.
                if !phone.taken_over {
                    self.files.truth("phone", &phone.value, person, phone.kind)?;
                }
            }
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (folder, people, seed) = match arguments.as_slice() {
        [folder, people] => (Path::new(folder), people.parse()?, 20_261_126),
        [folder, people, seed] => (Path::new(folder), people.parse()?, seed.parse()?),
        _ => return Err("usage: people FOLDER PEOPLE [SEED]".into()),
    };
    std::fs::create_dir_all(folder)?;
    let mut world = World::new(folder, people, seed)?;
    let mut made = 0;
    while made < people {
        made += world.household(made)?;
    }
    std::fs::write(folder.join("rules.toml"), include_str!("people/rules.toml"))?;
    std::fs::write(folder.join("definitions.toml"), include_str!("people/definitions.toml"))?;
    for (file, rows) in world.files.finish(folder)? {
        println!("{file}: {rows} rows");
    }
    println!("{made} people in {} households", world.households);
    Ok(())
}
