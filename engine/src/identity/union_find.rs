//! Joining numbered things in bulk: union-find with path halving.
//!
//! Without rules in play, clusters are connected components, and this is all there is to do.

/// Which of n numbered things are joined.
#[derive(Debug, Clone, Default)]
pub struct UnionFind {
    /// The parent of each, never a greater number; a root is its own parent.
    parents: Vec<u32>,
}

impl UnionFind {
    /// So many things, none joined.
    pub fn new(count: u32) -> UnionFind {
        UnionFind { parents: (0..count).collect() }
    }

    /// The least of those that one is joined with.
    #[inline]
    pub fn find(&mut self, of: u32) -> u32 {
        let mut at = of;
        while let Some(parent) = self.parents.get(at as usize).copied() {
            if parent == at {
                break;
            }
            let above = self.parents.get(parent as usize).copied().unwrap_or(parent);
            if let Some(place) = self.parents.get_mut(at as usize) {
                *place = above;
            }
            at = above;
        }
        at
    }

    /// Joins two, and says whether they were apart.
    #[inline]
    pub fn join(&mut self, left: u32, right: u32) -> bool {
        let (left, right) = (self.find(left), self.find(right));
        let (least, other) = (left.min(right), left.max(right));
        if let Some(place) = self.parents.get_mut(other as usize) {
            *place = least;
        }
        left != right
    }

    /// For each the least of those that it is joined with.
    pub fn labels(mut self) -> Vec<u32> {
        // A parent is never greater, so when its turn comes it knows its root already.
        for at in 0..self.parents.len() {
            let parent = self.parents.get(at).copied().unwrap_or_default();
            let root = self.parents.get(parent as usize).copied().unwrap_or(parent);
            if let Some(place) = self.parents.get_mut(at) {
                *place = root;
            }
        }
        self.parents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_least_of_those_joined() {
        let mut sets = UnionFind::new(7);
        for (left, right) in [(6, 5), (5, 3), (1, 2), (2, 1)] {
            sets.join(left, right);
        }
        assert!(!sets.join(6, 3));
        assert_eq!(sets.labels(), [0, 1, 1, 3, 4, 3, 3]);
    }
}
