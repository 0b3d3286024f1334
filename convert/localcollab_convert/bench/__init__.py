"""Reference measurements that need PyTorch; `localcollab bench` runs each as a child process.

What is measured in the runtime itself, and how figures are shown, is in `localcollab.bench`.
"""
