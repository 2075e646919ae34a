"""Embeddings under PyTorch's name."""

from chainrule.nn.embedding import Embedding as Embedding
from chainrule.nn.embedding_bag import EmbeddingBag as EmbeddingBag
