"""Write a graph down, one node after the other, with names made for what has none."""

from __future__ import annotations

from dataclasses import dataclass, field

from l1ad.graph.graph import Graph, Node, make_graph
from l1ad.graph.operations import Operation


@dataclass(slots=True)
class Builder:
    """Collect nodes; each method gives the name of the node it made."""

    nodes: list[Node] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)

    def let(self, name: str, operation: Operation, *inputs: str) -> str:
        """Add a node.

        Args:
            name: its name; further nodes of the same name get a number.
            operation: what it computes.
            inputs: the nodes it reads.
        """
        self.nodes.append(Node(name, operation, inputs))
        return name

    def alias(self, name: str, node: str) -> str:
        """Give a node a further name."""
        self.aliases[name] = self.aliases.get(node, node)
        return self.aliases[name]

    def graph(self, *outputs: str) -> Graph:
        """Close the graph; nodes that nothing reads are left out.

        Raises:
            ModelError: the nodes do not fit each other.
        """
        needed = set(outputs)
        for node in reversed(self.nodes):
            if node.name in needed:
                needed |= set(node.inputs)
        kept = [node for node in self.nodes if node.name in needed]
        return make_graph(kept, outputs, {name: node for name, node in self.aliases.items() if node in needed})
