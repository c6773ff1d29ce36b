"""What admins ask for, whether by command, by button or by form: done, and answered with a screen.

Nobody is checked here: `commands` and `forms` see to it, at the moment of the act, that who asks is an admin.
"""
