"""Write a graph down, one node after the other, with names made for what has none."""

from __future__ import annotations

from dataclasses import dataclass, field

from l1ad.core.fixed import FixedPoint
from l1ad.graph.graph import Graph, Node, make_graph, node_grid
from l1ad.graph.operations import Cast, Operation


@dataclass(slots=True)
class Builder:
    """Collect nodes; each method gives the name of the node it made."""

    nodes: list[Node] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    grids: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def let(self, name: str, operation: Operation, *inputs: str) -> str:
        """Add a node.

        Args:
            name: its name, unique in the graph.
            operation: what it computes.
            inputs: the nodes it reads, added before or aliases of such.

        Raises:
            ModelError: the operation does not take these inputs.
        """
        node = Node(name, operation, tuple(self.aliases.get(read, read) for read in inputs))
        self.grids[name] = node_grid(node, self.grids)
        self.nodes.append(node)
        return name

    def cast(self, name: str, type_: FixedPoint | tuple[FixedPoint, ...] | None, node: str) -> str:
        """Add a cast, of all elements to one type or of each to its own; for None a further name only."""
        if type_ is None:
            self.alias(name, node)
            return node
        return self.let(name, Cast(type_ if isinstance(type_, tuple) else (type_,) * self.size(node)), node)

    def size(self, name: str) -> int:
        """Count a node's elements."""
        return len(self.grids[self.aliases.get(name, name)])

    def alias(self, name: str, node: str) -> str:
        """Return a node a further name."""
        self.aliases[name] = self.aliases.get(node, node)
        return self.aliases[name]

    def graph(self, *outputs: str) -> Graph:
        """Close the graph; nodes that nothing reads are left out.

        Raises:
            ModelError: the nodes do not fit each other.
        """
        ends = tuple(self.aliases.get(name, name) for name in outputs)
        needed = set(ends)
        for node in reversed(self.nodes):
            if node.name in needed:
                needed |= set(node.inputs)
        kept = [node for node in self.nodes if node.name in needed]
        return make_graph(kept, ends, {name: node for name, node in self.aliases.items() if node in needed})
