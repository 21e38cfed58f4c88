//! What cells of every type become.
