//! The words of the shop: what its texts are made of. Several are beyond ASCII, hold quotes or blanks, or are empty.

/// Traits and products: few values.
pub const COUNTRIES: [&str; 12] =
    ["FR", "DE", "fr", "US", "BR", "JP", "IN", "AU", "CI", "Österreich", "España", "日本"];
/// Some are alike but for accents or case.
pub const CITIES: [&str; 24] = [
    "Paris",
    "paris",
    "Lyon",
    "München",
    "Munchen",
    "Köln",
    "Wien",
    "São Paulo",
    "Sao Paulo",
    "Kraków",
    "Zürich",
    "東京",
    "大阪",
    "Москва",
    "Αθήνα",
    "New York",
    "Los Angeles",
    "L'Aquila",
    "Saint-Étienne",
    "Aix-en-Provence",
    "100% Berlin",
    "A_B",
    "Ålesund",
    "القاهرة",
];
/// First names.
pub const FIRST_NAMES: [&str; 20] = [
    "Ann",
    "Zoë",
    "José",
    "Renée",
    "Łukasz",
    "Søren",
    "Åsa",
    "Jürgen",
    "Мария",
    "Ελένη",
    "花子",
    "O'Neil",
    "Bob",
    "bob",
    "Ana María",
    "Ngọc",
    "Çağla",
    "Dan",
    "Eve",
    "Íñigo",
];
/// Last names.
pub const LAST_NAMES: [&str; 20] = [
    "Smith",
    "Müller",
    "Nguyễn",
    "García",
    "d'Arc",
    "van der Berg",
    "Østergård",
    "Žižek",
    "Иванова",
    "佐藤",
    "\"Mac\" Kay",
    "Li",
    "Ünal",
    "Brown",
    "brown",
    "Jones, Jr.",
    "Lévy",
    "Rossi",
    "Kovač",
    "Ek",
];
/// What a person subscribes to.
pub const PLANS: [&str; 6] = ["free", "basic", "pro", "Pro+", "größer", ""];
/// Time zones; the last is none.
pub const ZONES: [&str; 9] = [
    "Europe/Paris",
    "America/New_York",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "America/Sao_Paulo",
    "UTC",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Mars/Olympus",
];
/// What a person holds in their hand.
pub const DEVICES: [&str; 6] = ["phone", "tablet", "desktop", "tv", "Fernseher (groß)", "Phone"];
/// What a person is called by the shop: sets of these.
pub const TAGS: [&str; 10] =
    ["vip", "new", "churned", "b2b", "Été", "test \"x\"", "loyal", "gold", "Gold", "it's"];
/// What products are sorted by, and persons are interested in.
pub const CATEGORIES: [&str; 9] =
    ["chair", "table", "lamp", "Schränke", "rug", "bed", "déco", "garden", "chairs"];
/// What a purchase or a view comes from.
pub const CAMPAIGNS: [&str; 10] = [
    "spring",
    "Spring",
    "été 2023",
    "black friday",
    "mail_1",
    "mail_2",
    "größen",
    "sms",
    "tv",
    "100%",
];
/// Pages.
pub const PAGES: [&str; 16] = [
    "/",
    "/home",
    "/pricing",
    "/checkout",
    "/search?q=lamp",
    "/p/chair",
    "/p/table",
    "/p/Größe",
    "/blog/été",
    "/blog/100%",
    "/account",
    "/help",
    "/HOME",
    "/p/lamp_1",
    "/p/lamp_2",
    "/東京",
];
/// Notes on purchases: with commas, quotes, percents and underscores.
pub const NOTES: [&str; 10] = [
    "leave at door",
    "ring \"twice\"",
    "gift, please wrap",
    "100% cotton?",
    "a_b",
    "für Oma",
    "",
    "it's urgent",
    "ありがとう",
    "50%_off",
];
/// Why something comes back.
pub const REASONS: [&str; 6] = ["broken", "too small", "zu groß", "changed mind", "late", "Broken"];
/// What a refund is marked with.
pub const FLAGS: [&str; 5] = ["fraud", "fast", "geprüft", "partial", "VIP"];
/// What products are made of.
pub const MATERIALS: [&str; 7] = ["oak", "Oak", "steel", "Glas", "coton", "leather", "竹"];
/// Names of brands.
pub const BRANDS: [&str; 8] =
    ["Nordlys", "Möbel & Söhne", "Casa", "casa", "Atelier \"L\"", "竹工房", "O'Dell", "Basic"];
/// What is first in the name of a product.
pub const ADJECTIVES: [&str; 8] =
    ["Big", "Small", "Großer", "Élégant", "blue", "Blue", "50%", "x_large"];
/// What balances and prices are in.
pub const CURRENCIES: [&str; 3] = ["EUR", "USD", "GBP"];
