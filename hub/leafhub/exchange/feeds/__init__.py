"""Who reads an application's events as they are stored: live, or in groups at their own pace."""
