"""Blend: several candidate answers, ranked in pairs, the best ones fused (LLM-Blender, arXiv:2306.02561).

ranking      what a comparison is, and how comparisons become a ranking
"""
