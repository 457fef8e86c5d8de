//! What the sequences of a batch have in common, computed once: a tree of runs of tokens.
//!
//! The prompts of a call site begin alike. Laid out as `[prefix | rest 0 | rest 1 | ...]`, nested where that pays, a shared run goes through the
//! model once, and what its branches pull at it adds up. Nothing is padded. Attention alone knows of the tree (`attention`); a token's
//! position is what it is in its sequence. (The idea is that of tree training, arXiv 2511.00413; here it is exact.)

/// Fewer tokens in common are computed for each sequence by itself: a run costs more than they do.
pub(crate) const SHARED_MIN: usize = 8;

/// One run of tokens. It follows on its parent's, and stands behind it in the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) parent: Option<usize>,
    /// Its first row in the batch.
    pub(crate) row: usize,
    pub(crate) tokens: usize,
    /// The position of its first token in every sequence that it is of.
    pub(crate) position: usize,
}

/// The runs of a batch, parents first, their rows one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
}

/// A tree with its tokens, and where each sequence's are.
pub(crate) struct Laid {
    pub(crate) tree: Tree,
    /// By row.
    pub(crate) ids: Vec<u32>,
    /// By sequence, in the order that they were given in: the row of each of its tokens.
    pub(crate) rows: Vec<Vec<u32>>,
}

impl Tree {
    /// Rows of all nodes: the tokens that are computed.
    pub(crate) fn tokens(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.row + node.tokens)
    }

    /// Tokens of the longest sequence.
    pub(crate) fn positions(&self) -> usize {
        self.nodes.iter().map(|node| node.position + node.tokens).max().unwrap_or(0)
    }

    /// The node and those that it follows on, the first one first.
    pub(crate) fn path(&self, node: usize) -> Vec<usize> {
        let mut path: Vec<usize> = std::iter::successors(Some(node), |at| self.nodes.get(*at)?.parent).collect();
        path.reverse();
        path
    }
}

/// Lays sequences out. The order of the rows depends on what the sequences say, not on their order.
pub(crate) fn lay_out(sequences: &[&[u32]]) -> Laid {
    let mut sorted: Vec<usize> =
        (0..sequences.len()).filter(|at| sequences.get(*at).is_some_and(|ids| !ids.is_empty())).collect();
    sorted.sort_by_key(|at| sequences.get(*at).copied().unwrap_or_default());
    let laid = Laid { tree: Tree::default(), ids: Vec::new(), rows: vec![Vec::new(); sequences.len()] };
    let mut layout = Layout { sequences, laid };
    layout.branches(&sorted, None, 0);
    layout.laid
}

struct Layout<'a> {
    sequences: &'a [&'a [u32]],
    laid: Laid,
}

impl Layout<'_> {
    fn ids(&self, sequence: usize) -> &[u32] {
        self.sequences.get(sequence).copied().unwrap_or_default()
    }

    /// Puts down what is left from `depth` on of sequences that agree up to there; `sorted` is in the order of their tokens.
    fn branches(&mut self, sorted: &[usize], parent: Option<usize>, depth: usize) {
        let mut rest = sorted;
        while let Some((first, others)) = rest.split_first() {
            // Neighbours agree at least as far as any two: those that go on together stand together.
            let mut common = self.ids(*first).len();
            let mut together = 1;
            for other in others {
                let agreed = agreement(self.ids(*first), self.ids(*other)).min(common);
                if agreed < depth + SHARED_MIN {
                    break;
                }
                (common, together) = (agreed, together + 1);
            }
            let (group, after) = rest.split_at(together);
            let node = self.put(group, parent, depth..common);
            if together > 1 {
                // Who says no more than this is over here.
                let longer: Vec<usize> = group.iter().copied().filter(|at| self.ids(*at).len() > common).collect();
                self.branches(&longer, Some(node), common);
            }
            rest = after;
        }
    }

    /// One node with the tokens of `range`, which all of `group` have.
    fn put(&mut self, group: &[usize], parent: Option<usize>, range: std::ops::Range<usize>) -> usize {
        let row = self.laid.ids.len();
        if let Some(ids) = group.first().and_then(|first| self.sequences.get(*first)?.get(range.clone())) {
            self.laid.ids.extend_from_slice(ids);
        }
        for sequence in group {
            if let Some(rows) = self.laid.rows.get_mut(*sequence) {
                rows.extend((row..row + range.len()).map(|row| row as u32));
            }
        }
        self.laid.tree.nodes.push(Node { parent, row, tokens: range.len(), position: range.start });
        self.laid.tree.nodes.len() - 1
    }
}

/// How many tokens two sequences begin with alike.
fn agreement(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
pub(crate) mod tests;
