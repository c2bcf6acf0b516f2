"""A JupyterHub for this course. The test of the hub loads this very file.

The Littlest JupyterHub: copy it to /opt/tljh/config/jupyterhub_config.d/lessonkit.py, then
`sudo tljh-config reload hub`. Any other JupyterHub: `load_subconfig("lessonkit.py")` in its own
configuration, or copy the lines.
"""

c = get_config()  # noqa: F821

c.Spawner.default_url = "/lab"
# A server takes some 130 MB and each open notebook 110 more; a check may take a gigabyte for a
# moment. (The Littlest JupyterHub holds to these limits; a hub with plain processes cannot.)
c.Spawner.mem_guarantee = "256M"
c.Spawner.mem_limit = "2G"
# Only where homes are thrown away: a folder that is kept, one for each learner.
# c.Spawner.environment = {"LESSONKIT_PROGRESS": "/kept/{username}/progress.json"}
