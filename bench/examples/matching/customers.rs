//! Customers of a shop in an English-speaking country, who live in families, and customers in France.

use super::{Draw, ENDS, GIVEN, Made, STREETS, list, shuffled};

/// A customer as they are; records say it with errors and at different times.
#[derive(Clone)]
struct Customer {
    given: String,
    surname: String,
    day: (u32, u32, u32),
    email: String,
    phone: String,
    number: usize,
    street: String,
    city: String,
    postcode: String,
    female: bool,
}

const SHORT: [(&str, &str); 10] = [
    ("benjamin", "ben"),
    ("matthew", "matt"),
    ("thomas", "tom"),
    ("samuel", "sam"),
    ("nicholas", "nick"),
    ("daniel", "dan"),
    ("william", "will"),
    ("victoria", "vicky"),
    ("jessica", "jess"),
    ("alexander", "alex"),
];
const HOSTS: [&str; 6] =
    ["gmail.com", "hotmail.com", "yahoo.com", "outlook.com", "icloud.com", "example.org"];

fn address(
    draw: &mut Draw,
    streets: &[String],
    cities: &[String],
    french: bool,
) -> (usize, String, String, String) {
    let city = draw.below(cities.len()) * draw.below(cities.len()) / cities.len();
    let street = &streets[draw.below(streets.len())];
    let street = if french {
        let kind = draw.of(&["rue", "avenue", "boulevard", "place", "chemin", "impasse", "allée"]);
        let link = draw.of(&["de la", "du", "des", "de l'", "du Général", "du Docteur", "Saint"]);
        format!("{kind} {link} {street}").replace("' ", "'")
    } else {
        format!("{street} {}", draw.of(&STREETS))
    };
    let postcode = format!("{:05}", 1_000 + city * 97 % 94_000);
    (1 + draw.below(150), street, cities[city].clone(), postcode)
}

fn email(draw: &mut Draw, customer: &Customer) -> String {
    let (given, surname) = (plain(&customer.given), plain(&customer.surname));
    let host = draw.of(&HOSTS);
    match draw.below(4) {
        0 => format!("{given}.{surname}@{host}"),
        1 => format!("{given}{}@{host}", customer.day.0 % 100),
        2 => format!("{}{surname}{}@{host}", &given[..1], draw.below(100)),
        _ => format!("{}{}@{host}", draw.word(2, &["", "x"]), draw.below(1000)),
    }
}

/// A text as it stands in an e-mail address.
fn plain(text: &str) -> String {
    let letters = text.to_lowercase();
    let plain = letters.chars().filter_map(|letter| match letter {
        'é' | 'è' | 'ê' | 'ë' => Some('e'),
        'à' | 'â' => Some('a'),
        'î' | 'ï' => Some('i'),
        'ô' => Some('o'),
        'ç' => Some('c'),
        letter => letter.is_ascii_alphanumeric().then_some(letter),
    });
    plain.collect()
}

pub fn families(mut draw: Draw, records: usize) -> Made {
    let header = vec![
        "id",
        "first_name",
        "last_name",
        "birth_date",
        "email",
        "phone",
        "address",
        "city",
        "zip",
        "gender",
    ];
    let surnames = list(&mut draw, 4_000, 2, &ENDS);
    let streets = list(&mut draw, 3_000, 2, &ENDS);
    let cities = list(&mut draw, 300, 2, &["ville", "ton", "ham", "bury"]);
    let mut made = Made { header, rows: Vec::new(), persons: Vec::new() };
    let mut person = 0;
    while made.rows.len() < records {
        let home = address(&mut draw, &streets, &cities, false);
        let surname = surnames
            [draw.below(surnames.len()) * draw.below(surnames.len()) / surnames.len()]
        .clone();
        let (phone, shared) = (number(&mut draw), number(&mut draw));
        let twins = draw.day();
        let size = 1 + draw.below(4);
        let mut shared_email = None;
        for member in 0..size {
            let mut customer = Customer {
                given: draw.frequent(&GIVEN).to_owned(),
                surname: surname.clone(),
                // One family in five has twins.
                day: if member >= 2 && twins.1.is_multiple_of(5) { twins } else { draw.day() },
                email: String::new(),
                phone: if draw.yes(50) { phone.clone() } else { number(&mut draw) },
                number: home.0,
                street: home.1.clone(),
                city: home.2.clone(),
                postcode: home.3.clone(),
                female: draw.yes(50),
            };
            customer.email = email(&mut draw, &customer);
            if draw.yes(15) {
                customer.email = shared_email.get_or_insert(customer.email).clone();
            }
            if draw.yes(10) {
                customer.phone = shared.clone();
            }
            for copy in 0..if draw.yes(45) { 2 + draw.below(3) } else { 1 } {
                if copy > 0 {
                    live_on(&mut draw, &mut customer, &surnames, &streets, &cities);
                }
                let row = told(&mut draw, &customer, made.rows.len());
                made.rows.push(row);
                made.persons.push(person);
            }
            person += 1;
        }
    }
    shuffled(&mut draw, made)
}

fn number(draw: &mut Draw) -> String {
    format!("0{}{:08}", 1 + draw.below(9), draw.below(100_000_000))
}

/// What changes between two records of a customer.
fn live_on(
    draw: &mut Draw,
    customer: &mut Customer,
    surnames: &[String],
    streets: &[String],
    cities: &[String],
) {
    if draw.yes(15) {
        (customer.number, customer.street, customer.city, customer.postcode) =
            address(draw, streets, cities, false);
    }
    if draw.yes(5) && customer.female {
        customer.surname = surnames[draw.below(surnames.len())].clone();
    }
    if draw.yes(20) {
        customer.email = email(draw, customer);
    }
    if draw.yes(20) {
        customer.phone = number(draw);
    }
}

/// A record of a customer, with errors and gaps.
fn told(draw: &mut Draw, customer: &Customer, id: usize) -> Vec<String> {
    let short = SHORT.iter().find(|(long, _)| *long == customer.given).map(|(_, short)| *short);
    let given = match short {
        Some(short) if draw.yes(30) => short.to_owned(),
        _ if draw.yes(4) => customer.given[..1].to_owned(),
        _ => customer.given.clone(),
    };
    let street = if draw.yes(40) {
        customer
            .street
            .replace("street", "st")
            .replace("road", "rd")
            .replace("avenue", "ave")
            .replace("drive", "dr")
    } else {
        customer.street.clone()
    };
    let (year, month, day) = customer.day;
    let date = match draw.below(20) {
        0 => format!("{year}-{day:02}-{month:02}"),
        _ => format!("{year}-{month:02}-{day:02}"),
    };
    let phone = match draw.below(3) {
        0 => format!("+44 {}", &customer.phone[1..]),
        1 => format!("{} {}", &customer.phone[..5], &customer.phone[5..]),
        _ => customer.phone.clone(),
    };
    let gender = if customer.female { "F" } else { "M" };
    let mut row = vec![
        id.to_string(),
        given,
        customer.surname.clone(),
        date,
        customer.email.clone(),
        phone,
        format!("{} {street}", customer.number),
        customer.city.clone(),
        customer.postcode.clone(),
        gender.to_owned(),
    ];
    for (field, gap) in
        [(1, 1), (2, 1), (3, 35), (4, 25), (5, 35), (6, 20), (7, 15), (8, 20), (9, 30)]
    {
        if draw.yes(gap) {
            row[field].clear();
        } else if field != 9 && draw.yes(4) {
            row[field] = draw.typo(&row[field]);
        }
    }
    row
}

const PRENOMS: [&str; 48] = [
    "Jean",
    "Marie",
    "Pierre",
    "Michel",
    "André",
    "Philippe",
    "Nathalie",
    "Isabelle",
    "Sylvie",
    "Catherine",
    "François",
    "Françoise",
    "Jacques",
    "Nicolas",
    "Christophe",
    "Stéphane",
    "Céline",
    "Aurélie",
    "Émilie",
    "Julien",
    "Jean-Pierre",
    "Jean-Luc",
    "Marie-Claude",
    "Anne-Sophie",
    "Jean-François",
    "Léa",
    "Chloé",
    "Manon",
    "Inès",
    "Hugo",
    "Lucas",
    "Théo",
    "Enzo",
    "Mathis",
    "Raphaël",
    "Zoé",
    "Élodie",
    "Hélène",
    "Gaëlle",
    "Benoît",
    "Jérôme",
    "Mickaël",
    "Loïc",
    "Thérèse",
    "Geneviève",
    "Bernadette",
    "Véronique",
    "Cédric",
];
const NOMS: [&str; 40] = [
    "Martin",
    "Bernard",
    "Thomas",
    "Petit",
    "Robert",
    "Richard",
    "Durand",
    "Dubois",
    "Moreau",
    "Laurent",
    "Simon",
    "Michel",
    "Lefèvre",
    "Leroy",
    "Roux",
    "David",
    "Bertrand",
    "Morel",
    "Fournier",
    "Girard",
    "Bonnet",
    "Dupont",
    "Lambert",
    "Fontaine",
    "Rousseau",
    "Vincent",
    "Müller",
    "Lefebvre",
    "Faure",
    "André",
    "Mercier",
    "Blanc",
    "Guérin",
    "Boyer",
    "Garnier",
    "Chevalier",
    "Gauthier",
    "Gautier",
    "Perrin",
    "Le Gall",
];

pub fn french(mut draw: Draw, records: usize) -> Made {
    let header = vec![
        "id",
        "civilite",
        "prenom",
        "nom",
        "date_naissance",
        "courriel",
        "telephone",
        "adresse",
        "code_postal",
        "ville",
    ];
    let noms =
        list(&mut draw, 2_500, 2, &["et", "eau", "ier", "ard", "in", "ot", "on", "é", "ère"]);
    let streets = list(&mut draw, 2_500, 2, &["et", "eau", "ier", "erie", "ine", "ège"]);
    let cities = list(&mut draw, 500, 2, &["ville", "court", "ac", "y", "-sur-Loire", "-le-Grand"]);
    let mut made = Made { header, rows: Vec::new(), persons: Vec::new() };
    for person in 0.. {
        if made.rows.len() >= records {
            break;
        }
        let home = address(&mut draw, &streets, &cities, true);
        let surname = if draw.yes(40) {
            draw.frequent(&NOMS).to_owned()
        } else {
            noms[draw.below(noms.len())].clone()
        };
        let mut customer = Customer {
            given: draw.frequent(&PRENOMS).to_owned(),
            surname,
            day: draw.day(),
            email: String::new(),
            phone: format!("0{}{:08}", 6 + draw.below(2), draw.below(100_000_000)),
            number: home.0,
            street: home.1,
            city: home.2,
            postcode: home.3,
            female: draw.yes(50),
        };
        customer.email = email(&mut draw, &customer);
        for copy in 0..if draw.yes(40) { 2 + draw.below(3) } else { 1 } {
            if copy > 0 && draw.yes(25) {
                customer.email = email(&mut draw, &customer);
            }
            if copy > 0 && draw.yes(12) {
                (customer.number, customer.street, customer.city, customer.postcode) =
                    address(&mut draw, &streets, &cities, true);
            }
            let row = french_told(&mut draw, &customer, made.rows.len());
            made.rows.push(row);
            made.persons.push(person);
        }
    }
    shuffled(&mut draw, made)
}

fn french_told(draw: &mut Draw, customer: &Customer, id: usize) -> Vec<String> {
    let (year, month, day) = customer.day;
    let date = if draw.yes(60) {
        format!("{day:02}/{month:02}/{year}")
    } else {
        format!("{year}-{month:02}-{day:02}")
    };
    let digits = &customer.phone;
    let phone = match draw.below(3) {
        0 => format!("+33{}", &digits[1..]),
        1 => [&digits[..2], &digits[2..4], &digits[4..6], &digits[6..8], &digits[8..]].join("."),
        _ => digits.clone(),
    };
    let mut street = format!("{} {}", customer.number, customer.street);
    if draw.yes(50) {
        for (long, short) in [
            ("avenue", "av."),
            ("boulevard", "bd"),
            ("place", "pl"),
            ("chemin", "ch."),
            ("allée", "all."),
            ("Général", "Gal"),
            ("Docteur", "Dr"),
            ("Saint", "St"),
            ("de la ", ""),
        ] {
            street = street.replace(long, short);
        }
    }
    let mut row = vec![
        id.to_string(),
        if customer.female { "Mme" } else { "M." }.to_owned(),
        customer.given.clone(),
        customer.surname.clone(),
        date,
        customer.email.clone(),
        phone,
        street,
        customer.postcode.clone(),
        customer.city.clone(),
    ];
    if draw.yes(15) {
        row[2] = row[2].replace('-', " ");
    }
    if draw.yes(30) {
        row.iter_mut().skip(2).for_each(|text| *text = text.to_uppercase());
    }
    if draw.yes(10) {
        row.swap(2, 3);
    }
    for (field, gap) in [(1, 20), (4, 40), (5, 25), (6, 35), (7, 20), (8, 15), (9, 15)] {
        if draw.yes(gap) {
            row[field].clear();
        } else if field > 1 && draw.yes(4) {
            row[field] = draw.typo(&row[field]);
        }
    }
    if draw.yes(4) {
        row[3] = draw.typo(&row[3]);
    }
    row
}
