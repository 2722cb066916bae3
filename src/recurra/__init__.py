"""recurra"""
